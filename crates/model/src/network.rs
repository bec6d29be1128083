//! A transmission network as power engineers exchange it: buses, generators, branches and direct-current lines, one value a
//! row of the source, in the source's own units (MW, Mvar, degrees, per unit on `base_mva`).
//!
//! Field names and meanings follow the MATPOWER case format, version 2 (Zimmerman, Murillo-Sánchez, Thomas, IEEE Trans.
//! Power Syst. 26(1), 2011, DOI 10.1109/TPWRS.2010.2051168). Rows keep their order and number: row `k` of the source is
//! entry `k − 1` here, rows out of service included.

/// What a bus holds fixed in a power flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BusKind {
    /// Active and reactive power.
    #[default]
    Pq,
    /// Active power and voltage magnitude.
    Pv,
    /// Voltage magnitude and angle.
    Reference,
    /// Nothing: the bus is out of service.
    Isolated,
}

/// A node of the network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bus {
    /// Identifier in the source, such as `113`.
    pub id: String,
    /// Name; empty when the source gives none.
    pub name: String,
    /// What it holds fixed.
    pub kind: BusKind,
    /// Active demand, MW.
    pub pd_mw: f64,
    /// Reactive demand, Mvar.
    pub qd_mvar: f64,
    /// Shunt conductance, MW demanded at 1 p.u.
    pub gs_mw: f64,
    /// Shunt susceptance, Mvar injected at 1 p.u.
    pub bs_mvar: f64,
    /// Area number.
    pub area: i64,
    /// Loss zone number.
    pub zone: i64,
    /// Voltage magnitude, p.u.
    pub vm_pu: f64,
    /// Voltage angle, degrees.
    pub va_deg: f64,
    /// Nominal voltage, kV; 0 when unknown.
    pub base_kv: f64,
    /// Largest voltage magnitude, p.u.
    pub vm_max_pu: f64,
    /// Smallest voltage magnitude, p.u.
    pub vm_min_pu: f64,
    /// Latitude and longitude, degrees, where the source gives them.
    pub lat_lon: Option<(f64, f64)>,
    /// Country, ISO 3166-1 alpha-2; empty when unknown.
    pub country: String,
}

/// Cost of active power, EUR/h (or the currency of the source).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cost {
    /// None given.
    #[default]
    None,
    /// Coefficients of P in MW, highest power first.
    Polynomial(Vec<f64>),
    /// Points (MW, per hour), P increasing.
    Piecewise(Vec<(f64, f64)>),
}

/// A generator; a negative output is a dispatchable load.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Generator {
    /// Name; empty when the source gives none.
    pub name: String,
    /// Fuel or technology; empty when unknown.
    pub fuel: String,
    /// Index of its bus.
    pub bus: usize,
    /// True when it runs.
    pub in_service: bool,
    /// Active output, MW.
    pub p_mw: f64,
    /// Reactive output, Mvar.
    pub q_mvar: f64,
    /// Largest reactive output, Mvar.
    pub q_max_mvar: f64,
    /// Smallest reactive output, Mvar.
    pub q_min_mvar: f64,
    /// Voltage set point, p.u.
    pub vm_set_pu: f64,
    /// Own base, MVA.
    pub mbase_mva: f64,
    /// Largest active output, MW.
    pub p_max_mw: f64,
    /// Smallest active output, MW.
    pub p_min_mw: f64,
    /// Cost of a start.
    pub cost_startup: f64,
    /// Cost of a shutdown.
    pub cost_shutdown: f64,
    /// Cost of active power.
    pub cost: Cost,
}

/// A line or transformer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Branch {
    /// Name; empty when the source gives none.
    pub name: String,
    /// Index of the from bus, where the tap is.
    pub from: usize,
    /// Index of the to bus.
    pub to: usize,
    /// True when it is switched in.
    pub in_service: bool,
    /// Series resistance, p.u.
    pub r_pu: f64,
    /// Series reactance, p.u.
    pub x_pu: f64,
    /// Total charging susceptance, p.u.
    pub b_pu: f64,
    /// Continuous rating, MVA; 0 for none.
    pub rate_a_mva: f64,
    /// Short-term rating, MVA; 0 for none.
    pub rate_b_mva: f64,
    /// Emergency rating, MVA; 0 for none.
    pub rate_c_mva: f64,
    /// Off-nominal tap ratio; 0 for a line, which means 1.
    pub tap: f64,
    /// Phase shift, degrees, positive for delay.
    pub shift_deg: f64,
    /// Smallest angle difference from − to, degrees.
    pub angle_min_deg: f64,
    /// Largest angle difference from − to, degrees.
    pub angle_max_deg: f64,
    /// Length, km; 0 when unknown.
    pub length_km: f64,
}

impl Branch {
    /// Tap ratio as it enters the equations: 1 for a line.
    pub fn ratio(&self) -> f64 {
        if self.tap == 0.0 { 1.0 } else { self.tap }
    }
}

/// A direct-current line between two buses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DcLine {
    /// Name; empty when the source gives none.
    pub name: String,
    /// Index of the from bus.
    pub from: usize,
    /// Index of the to bus.
    pub to: usize,
    /// True when it is switched in.
    pub in_service: bool,
    /// Power taken from the from bus, MW.
    pub p_from_mw: f64,
    /// Power delivered to the to bus, MW.
    pub p_to_mw: f64,
    /// Reactive injections at the ends, Mvar.
    pub q_mvar: (f64, f64),
    /// Voltage set points at the ends, p.u.
    pub vm_set_pu: (f64, f64),
    /// Smallest and largest power at the from bus, MW.
    pub p_range_mw: (f64, f64),
    /// Limits of reactive power at the from bus, Mvar.
    pub q_from_range_mvar: (f64, f64),
    /// Limits of reactive power at the to bus, Mvar.
    pub q_to_range_mvar: (f64, f64),
    /// Loss = constant (MW) + factor × power taken.
    pub loss: (f64, f64),
    /// Cost of power taken.
    pub cost: Cost,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PowerNetwork {
    /// Name of the case.
    pub name: String,
    /// System base, MVA.
    pub base_mva: f64,
    /// Buses.
    pub buses: Vec<Bus>,
    /// Generators.
    pub generators: Vec<Generator>,
    /// Branches.
    pub branches: Vec<Branch>,
    /// Direct-current lines.
    pub dc_lines: Vec<DcLine>,
}

impl PowerNetwork {
    /// The same network with these branch rows (1-based, as in the source) switched out; `Err` names the first row that
    /// does not exist.
    pub fn without_branches(&self, rows: &[usize]) -> Result<PowerNetwork, usize> {
        let mut out = self.clone();
        for &row in rows {
            let branch = row.checked_sub(1).and_then(|k| out.branches.get_mut(k)).ok_or(row)?;
            branch.in_service = false;
        }
        Ok(out)
    }
}
