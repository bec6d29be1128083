//! Typical lines and transformers: published electrical values by the names that `PyPSA` and pandapower give them.
//!
//! Values as the tables of `PyPSA` 1.4.0 (MIT licence) carry them, for 10 kV and up and common low-voltage cables; the books
//! they name were not read again. Overhead lines and cables: Heuck, Dettmann, Schulz, "Elektrische Energieversorgung", Springer
//! Vieweg 2013. Bundles from 220 kV: Oeding, Oswald, "Elektrische Kraftwerke und Netze", Springer 2011, ch. 9 (DOI
//! 10.1007/978-3-642-19246-3). Transformers: Oswald, "Transformatoren", lecture notes.

/// A line of one circuit at 50 Hz.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LineType {
    /// Nominal frequency, Hz.
    pub f_nom_hz: f64,
    /// Resistance, ohm/km.
    pub r_ohm_km: f64,
    /// Reactance, ohm/km.
    pub x_ohm_km: f64,
    /// Capacitance, nF/km.
    pub c_nf_km: f64,
    /// Rated current, kA.
    pub i_nom_ka: f64,
}

/// A transformer with two windings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TransformerType {
    /// Rating, MVA.
    pub s_nom_mva: f64,
    /// Short-circuit voltage, percent.
    pub vsc_percent: f64,
    /// Its real part, percent.
    pub vscr_percent: f64,
    /// Iron losses, kW.
    pub pfe_kw: f64,
    /// No-load current, percent.
    pub i0_percent: f64,
    /// Phase shift, degrees.
    pub phase_shift_deg: f64,
    /// Side of the tap changer: 0 or 1.
    pub tap_side: f64,
    /// Neutral tap position.
    pub tap_neutral: f64,
    /// Voltage change of a tap step, percent.
    pub tap_step_percent: f64,
}

/// Name; ohm/km, ohm/km, nF/km, kA.
const LINES: &[(&str, [f64; 4])] = &[
    ("48-AL1/8-ST1A 110.0", [0.5939, 0.46, 8.0, 0.21]),
    ("70-AL1/11-ST1A 110.0", [0.4132, 0.45, 8.4, 0.29]),
    ("94-AL1/15-ST1A 110.0", [0.306, 0.44, 8.65, 0.35]),
    ("122-AL1/20-ST1A 110.0", [0.2376, 0.43, 8.5, 0.41]),
    ("149-AL1/24-ST1A 110.0", [0.194, 0.41, 8.75, 0.47]),
    ("184-AL1/30-ST1A 110.0", [0.1571, 0.4, 8.8, 0.535]),
    ("243-AL1/39-ST1A 110.0", [0.1188, 0.39, 9.0, 0.645]),
    ("305-AL1/39-ST1A 110.0", [0.0949, 0.38, 9.2, 0.74]),
    ("490-AL1/64-ST1A 110.0", [0.059, 0.37, 9.75, 0.96]),
    ("679-AL1/86-ST1A 110.0", [0.042, 0.36, 9.95, 1.15]),
    ("490-AL1/64-ST1A 220.0", [0.059, 0.285, 10.0, 0.96]),
    ("679-AL1/86-ST1A 220.0", [0.042, 0.275, 11.7, 1.15]),
    ("490-AL1/64-ST1A 380.0", [0.059, 0.253, 11.0, 0.96]),
    ("679-AL1/86-ST1A 380.0", [0.042, 0.25, 14.6, 1.15]),
    ("149-AL1/24-ST1A 20.0", [0.194, 0.337, 10.5, 0.47]),
    ("184-AL1/30-ST1A 20.0", [0.1571, 0.33, 10.75, 0.535]),
    ("243-AL1/39-ST1A 20.0", [0.1188, 0.32, 11.0, 0.645]),
    ("48-AL1/8-ST1A 20.0", [0.5939, 0.372, 9.5, 0.21]),
    ("94-AL1/15-ST1A 20.0", [0.306, 0.35, 10.0, 0.35]),
    ("149-AL1/24-ST1A 10.0", [0.194, 0.315, 11.25, 0.47]),
    ("48-AL1/8-ST1A 10.0", [0.5939, 0.35, 10.1, 0.21]),
    ("94-AL1/15-ST1A 10.0", [0.306, 0.33, 10.75, 0.35]),
    ("N2XS(FL)2Y 1x120 RM/35 64/110 kV", [0.153, 0.166, 112.0, 0.366]),
    ("N2XS(FL)2Y 1x185 RM/35 64/110 kV", [0.099, 0.156, 125.0, 0.457]),
    ("N2XS(FL)2Y 1x240 RM/35 64/110 kV", [0.075, 0.149, 135.0, 0.526]),
    ("N2XS(FL)2Y 1x300 RM/35 64/110 kV", [0.06, 0.144, 144.0, 0.588]),
    ("NA2XS2Y 1x185 RM/25 12/20 kV", [0.161, 0.117, 273.0, 0.362]),
    ("NA2XS2Y 1x240 RM/25 12/20 kV", [0.122, 0.112, 304.0, 0.421]),
    ("NA2XS2Y 1x185 RM/25 6/10 kV", [0.161, 0.11, 406.0, 0.358]),
    ("NA2XS2Y 1x240 RM/25 6/10 kV", [0.122, 0.105, 456.0, 0.416]),
    ("NAYY 4x150 SE", [0.208, 0.08, 261.0, 0.27]),
    ("NAYY 4x50 SE", [0.642, 0.083, 210.0, 0.142]),
    ("Al/St 240/40 2-bundle 220.0", [0.06, 0.301, 12.5, 1.29]),
    ("Al/St 240/40 3-bundle 300.0", [0.04, 0.265, 13.2, 1.935]),
    ("Al/St 240/40 4-bundle 380.0", [0.03, 0.246, 13.8, 2.58]),
    ("Al/St 490/64 4-bundle 380.0", [0.015, 0.16, 16.5, 3.84]),
    ("HTLS 4-bundle 380.0", [0.02, 0.26, 13.9, 4.0]),
    ("Al/St 560/50 4-bundle 750.0", [0.013, 0.276, 13.13, 4.16]),
];

/// Name; MVA, vsc %, vscr %, kW, i0 %, phase shift, tap step %.
const TRANSFORMERS: &[(&str, [f64; 7])] = &[
    ("160 MVA 380/110 kV", [160.0, 12.2, 0.25, 60.0, 0.06, 0.0, 1.5]),
    ("100 MVA 220/110 kV", [100.0, 12.0, 0.26, 55.0, 0.06, 0.0, 1.5]),
    ("63 MVA 110/20 kV", [63.0, 11.2, 0.322, 33.0, 0.086, 150.0, 1.5]),
    ("40 MVA 110/20 kV", [40.0, 11.2, 0.302, 31.0, 0.08, 150.0, 1.5]),
    ("25 MVA 110/20 kV", [25.0, 11.2, 0.282, 29.0, 0.071, 150.0, 1.5]),
    ("63 MVA 110/10 kV", [63.0, 10.04, 0.31, 31.51, 0.078, 150.0, 1.5]),
    ("40 MVA 110/10 kV", [40.0, 10.04, 0.295, 30.45, 0.076, 150.0, 1.5]),
    ("25 MVA 110/10 kV", [25.0, 10.04, 0.276, 28.51, 0.073, 150.0, 1.5]),
    ("0.63 MVA 20/0.4 kV", [0.63, 6.0, 1.206, 1.65, 0.2619, 150.0, 2.5]),
    ("0.4 MVA 20/0.4 kV", [0.4, 6.0, 1.425, 1.35, 0.3375, 150.0, 2.5]),
    ("0.25 MVA 20/0.4 kV", [0.25, 6.0, 1.44, 0.8, 0.32, 150.0, 2.5]),
    ("0.63 MVA 10/0.4 kV", [0.63, 4.0, 1.0794, 1.18, 0.1873, 150.0, 2.5]),
    ("0.4 MVA 10/0.4 kV", [0.4, 4.0, 1.325, 0.95, 0.2375, 150.0, 2.5]),
    ("0.25 MVA 10/0.4 kV", [0.25, 4.0, 1.2, 0.6, 0.24, 150.0, 2.5]),
];

/// The line type of a name.
pub(super) fn line(name: &str) -> Option<LineType> {
    let (_, [r, x, c, i]) = LINES.iter().find(|l| l.0 == name)?;
    Some(LineType { f_nom_hz: 50.0, r_ohm_km: *r, x_ohm_km: *x, c_nf_km: *c, i_nom_ka: *i })
}

/// The transformer type of a name.
pub(super) fn transformer(name: &str) -> Option<TransformerType> {
    let (_, [s, vsc, vscr, pfe, i0, shift, step]) = TRANSFORMERS.iter().find(|t| t.0 == name)?;
    Some(TransformerType {
        s_nom_mva: *s,
        vsc_percent: *vsc,
        vscr_percent: *vscr,
        pfe_kw: *pfe,
        i0_percent: *i0,
        phase_shift_deg: *shift,
        tap_side: 0.0,
        tap_neutral: 0.0,
        tap_step_percent: *step,
    })
}

/// The overhead line that is typical of a voltage, kV: 110, 220, 300, 380 or 750 kV, whichever is nearest.
pub(super) fn typical_line(v_kv: f64) -> LineType {
    let name = match v_kv {
        v if v < 165.0 => "243-AL1/39-ST1A 110.0",
        v if v < 260.0 => "Al/St 240/40 2-bundle 220.0",
        v if v < 340.0 => "Al/St 240/40 3-bundle 300.0",
        v if v < 565.0 => "Al/St 240/40 4-bundle 380.0",
        _ => "Al/St 560/50 4-bundle 750.0",
    };
    line(name).unwrap_or(LineType { f_nom_hz: 50.0, r_ohm_km: 0.03, x_ohm_km: 0.246, c_nf_km: 13.8, i_nom_ka: 2.58 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_stands_once_and_is_typical_where_it_should_be() {
        let names: std::collections::BTreeSet<&str> = LINES.iter().map(|l| l.0).chain(TRANSFORMERS.iter().map(|t| t.0)).collect();
        assert_eq!(names.len(), LINES.len() + TRANSFORMERS.len());
        for (v, x) in [(132.0, 0.39), (220.0, 0.301), (300.0, 0.265), (400.0, 0.246), (750.0, 0.276)] {
            assert_eq!(typical_line(v).x_ohm_km, x, "{v} kV");
        }
        assert!(TRANSFORMERS.iter().all(|t| t.1[1] > t.1[2]), "a short-circuit voltage is larger than its real part");
    }
}
