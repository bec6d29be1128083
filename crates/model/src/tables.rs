//! The tables of a case, each declared once.

use crate::schema::FieldKind::{self, Choice, Flag, Key, Number, Ref, Selector, Text};
use crate::schema::{Logic, Record, Table, table};

const INF: f64 = f64::INFINITY;

/// Asset kinds, by sector: electricity, gas, sea, air, digital, space.
pub const KINDS: &[&str] = &[
    "substation",
    "power_line",
    "hvdc_link",
    "power_plant",
    "gas_hub",
    "gas_pipe",
    "gas_pipe_offshore",
    "gas_compressor",
    "gas_storage",
    "lng_terminal",
    "gas_field",
    "port",
    "sea_lane",
    "passage",
    "airport",
    "metro",
    "exchange",
    "landing_station",
    "data_centre",
    "fibre_link",
    "submarine_cable",
    "constellation",
    "satellite",
    "ground_control",
    "ground_uplink",
    "ground_sensor",
    "ground_gateway",
    "control_fleet",
    "site",
];

/// Commodities that a dependency may need.
pub const COMMODITIES: &[&str] = &["electricity", "gas", "freight", "passengers", "data", "pnt", "timing", "satcom", "control", "service"];

table! { plain Source, "sources", "Where facts come from, and under which licence." {
    key: String, Key, "-", None, "Unique key.";
    citation: String, Text, "-", None, "Publication a reader can follow.";
    url: String, Text, "-", Some(""), "Address, when sure.";
    licence: String, Text, "-", None, "Licence of the source.";
    vintage: String, Text, "-", Some(""), "Year or version.";
} }

table! { plain Zone, "zones", "Where people live and demand arises, and gates outside the case." {
    key: String, Key, "-", None, "ISO 3166 alpha-2 code, or the gate's code.";
    name: String, Text, "-", None, "Name.";
    kind: String, Choice(&["zone", "gate"]), "-", None, "Gates supply and demand, but are never counted as people or countries hit.";
    eu_member: bool, Flag, "-", Some("0"), "Member of the European Union.";
    nato_member: bool, Flag, "-", Some("0"), "Member of NATO.";
    population: f64, Number(0.0, 2e10), "persons", Some("0"), "Resident population.";
    gdp_meur: f64, Number(0.0, INF), "MEUR/y", Some("0"), "Gross domestic product.";
    lat: f64, Number(-90.0, 90.0), "deg", None, "Latitude of the centroid of people.";
    lon: f64, Number(-180.0, 180.0), "deg", None, "Longitude of the centroid of people.";
    voll_eur_mwh: Option<f64>, Number(0.0, INF), "EUR/MWh", Some(""), "Value of lost load; empty: the commodity's default.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { plain City, "cities", "Places where people live; they carry demand and names on the map." {
    key: String, Key, "-", None, "Unique key.";
    name: String, Text, "-", None, "Name.";
    zone: String, Ref(&["zones"]), "-", None, "Zone.";
    lat: f64, Number(-90.0, 90.0), "deg", None, "Latitude.";
    lon: f64, Number(-180.0, 180.0), "deg", None, "Longitude.";
    population: f64, Number(0.0, INF), "persons", None, "Population.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { plain Fact, "facts", "Published totals that the case is compared with." {
    key: String, Key, "-", None, "Unique key.";
    zone: String, Ref(&["zones"]), "-", None, "Zone.";
    quantity: String, Choice(&["population", "peak_load_mw", "installed_capacity_mw", "gas_storage_gwh", "lng_sendout_gwh_d"]), "-", None, "What is compared.";
    value: f64, Number(0.0, INF), "as quantity", None, "Published value.";
    reason: String, Text, "-", Some(""), "Why the case differs, where it does by more than 10 %.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { plain Commodity, "commodities", "What is delivered, and what its loss is worth." {
    key: String, Key, "-", None, "Commodity.";
    sector: String, Choice(&["energy", "transport", "digital", "space"]), "-", None, "Sector.";
    unit: String, Text, "-", None, "Unit of the flow.";
    household: bool, Flag, "-", Some("0"), "1: counted as people without service.";
    value_low: f64, Number(0.0, INF), "see value_unit", None, "Value of lost service, low.";
    value_central: f64, Number(0.0, INF), "see value_unit", None, "Value of lost service, central.";
    value_high: f64, Number(0.0, INF), "see value_unit", None, "Value of lost service, high.";
    value_unit: String, Text, "-", None, "Unit of the values.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { plain RepairTime, "repair_times", "How long an asset of a kind is out after damage." {
    kind: String, Choice(KINDS), "-", None, "Asset kind.";
    low_h: f64, Number(0.0, 1e6), "h", None, "Short repair.";
    central_h: f64, Number(0.0, 1e6), "h", None, "Usual repair.";
    high_h: f64, Number(0.0, 1e6), "h", None, "Long repair.";
    resource: String, Text, "-", Some(""), "Crew, vessel or spare that the repair needs; scarce where it has a row in `repair_resources`.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { plain RepairResource, "repair_resources", "Teams, vessels and spares that damaged assets wait for; a resource without a row is not scarce." {
    key: String, Key, "-", None, "Resource as in `repair_times`.";
    name: String, Text, "-", None, "What it is.";
    teams: f64, Number(1.0, 100_000.0), "-", None, "Repairs that can go on at the same time.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { plain Dependency, "dependencies", "What assets need from others, and how long they last without." {
    key: String, Key, "-", None, "Unique key.";
    dependent: String, Selector, "-", None, "Assets that need it.";
    needs: String, Choice(&["electricity", "gas", "data", "pnt", "timing", "satcom", "asset"]), "-", None, "Commodity, or a particular asset.";
    at: String, Text, "-", Some("nearest"), "`nearest` supply point, `zone`, or a selector of assets (needs = asset).";
    threshold: f64, Number(0.0, 1.0), "share", Some("0.5"), "Served share below which the supply counts as lost.";
    buffer_low_h: f64, Number(0.0, 1e6), "h", Some("0"), "Autonomy, low.";
    buffer_central_h: f64, Number(0.0, 1e6), "h", Some("0"), "Autonomy, central.";
    buffer_high_h: f64, Number(0.0, 1e6), "h", Some("0"), "Autonomy, high.";
    recharge_h: f64, Number(0.0, 1e6), "h", Some("0"), "Time from empty to full after the supply returns.";
    failure_on_demand: f64, Number(0.0, 1.0), "probability", Some("0"), "Probability that the buffer does not start (sampled runs only).";
    restart_delay_h: f64, Number(0.0, 1e6), "h", Some("0"), "Time from return of supply to service.";
    effect: f64, Number(0.0, 1.0), "share", Some("1"), "Share of capacity lost without the supply.";
    logic: Logic, FieldKind::Logic, "-", Some("all"), "How many of the assets at `at` must work: `all`, `any` or `k-of-n`, k a number such as in `2-of-n`.";
    rinaldi: String, Choice(&["physical", "cyber", "geographic", "logical"]), "-", Some("physical"), "Type of interdependency.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { asset Bus, "power_buses", "Substations: where lines, plants and load meet." {
    v_nom_kv: f64, Number(1.0, 1200.0), "kV", None, "Nominal voltage.";
    sync_area: String, Text, "-", Some("CE"), "Synchronous area; for reading, islands are found from the lines.";
} }

table! { asset Line, "power_lines", "Alternating-current lines and cables." {
    bus_from: String, Ref(&["power_buses"]), "-", None, "From bus.";
    bus_to: String, Ref(&["power_buses"]), "-", None, "To bus.";
    length_km: f64, Number(0.0, 5000.0), "km", None, "Route length.";
    circuits: f64, Number(1.0, 20.0), "-", Some("1"), "Circuits on the route.";
    x_pu: f64, Number(-10.0, 100.0), "p.u. on 100 MVA", None, "Series reactance of all circuits together.";
    p_max_mw: f64, Number(0.0, 100_000.0), "MW", None, "Thermal limit of all circuits together; 0: unlimited.";
} }

table! { asset Hvdc, "hvdc_links", "Direct-current links." {
    bus_from: String, Ref(&["power_buses"]), "-", None, "From bus.";
    bus_to: String, Ref(&["power_buses"]), "-", None, "To bus.";
    length_km: f64, Number(0.0, 5000.0), "km", Some("0"), "Route length.";
    p_max_mw: f64, Number(0.0, 20_000.0), "MW", None, "Limit in the direction from, to.";
    p_max_reverse_mw: f64, Number(0.0, 20_000.0), "MW", None, "Limit in the other direction.";
} }

table! { plain Technology, "technologies", "Plant technologies: availability by study point and merit order." {
    key: String, Key, "-", None, "Technology.";
    name: String, Text, "-", None, "Name.";
    fuel: String, Text, "-", None, "Fuel.";
    availability_winter_peak: f64, Number(0.0, 1.0), "share", None, "Share of capacity at the winter peak.";
    availability_summer_night: f64, Number(0.0, 1.0), "share", None, "Share of capacity at the summer night.";
    cost_eur_mwh: f64, Number(0.0, 10_000.0), "EUR/MWh", None, "Marginal cost that orders the dispatch.";
    black_start: bool, Flag, "-", Some("0"), "Can restart a dead part of the grid, where the plant has at least 100 MW and is no derived aggregate.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { asset Plant, "power_plants", "Power plants, storage plants and aggregate units." {
    bus: String, Ref(&["power_buses"]), "-", None, "Bus.";
    technology: String, Ref(&["technologies"]), "-", None, "Technology.";
    p_max_mw: f64, Number(0.0, 20_000.0), "MW", None, "Net capacity.";
    gas_node: Option<String>, Ref(&["gas_nodes"]), "-", Some(""), "Hub that fuels it, for gas plants.";
} }

table! { plain Load, "power_loads", "Electricity demand at a bus." {
    key: String, Key, "-", None, "Unique key.";
    bus: String, Ref(&["power_buses"]), "-", None, "Bus.";
    zone: String, Ref(&["zones"]), "-", None, "Zone whose people it serves.";
    winter_peak_mw: f64, Number(0.0, 100_000.0), "MW", None, "Demand at the winter peak.";
    summer_night_mw: f64, Number(0.0, 100_000.0), "MW", None, "Demand at the summer night.";
    population: f64, Number(0.0, INF), "persons", Some("0"), "People served.";
} }

table! { asset GasNode, "gas_nodes", "Gas hubs: where pipes, stores and demand meet." {
} }

table! { asset GasPipe, "gas_pipes", "Gas corridors between hubs." {
    node_from: String, Ref(&["gas_nodes"]), "-", None, "From hub.";
    node_to: String, Ref(&["gas_nodes"]), "-", None, "To hub.";
    capacity_gwh_d: f64, Number(0.0, 20_000.0), "GWh/d", None, "Capacity from, to.";
    capacity_reverse_gwh_d: f64, Number(0.0, 20_000.0), "GWh/d", Some("0"), "Capacity in the other direction.";
    length_km: f64, Number(0.0, 10_000.0), "km", Some("0"), "Length.";
    subsea: bool, Flag, "-", Some("0"), "1: lies under the sea.";
} }

table! { asset GasCompressor, "gas_compressors", "Compressor stations; each drives a pipe." {
    pipe: String, Ref(&["gas_pipes"]), "-", None, "Pipe that it drives.";
    drive: String, Choice(&["gas", "electric"]), "-", Some("gas"), "Drive.";
} }

table! { asset GasStorage, "gas_storages", "Underground gas stores." {
    node: String, Ref(&["gas_nodes"]), "-", None, "Hub.";
    working_gas_gwh: f64, Number(0.0, 1e6), "GWh", None, "Working gas.";
    withdrawal_gwh_d: f64, Number(0.0, 10_000.0), "GWh/d", None, "Withdrawal when at least half full.";
    injection_gwh_d: f64, Number(0.0, 10_000.0), "GWh/d", None, "Injection.";
} }

table! { asset LngTerminal, "lng_terminals", "Liquefied-gas import terminals." {
    node: String, Ref(&["gas_nodes"]), "-", None, "Hub.";
    sendout_gwh_d: f64, Number(0.0, 10_000.0), "GWh/d", None, "Largest send-out.";
    arrivals_share: f64, Number(0.0, 1.0), "share", Some("0.7"), "Mean cargo arrivals over largest send-out.";
    tank_gwh: f64, Number(0.0, 100_000.0), "GWh", None, "Tank content when full.";
} }

table! { asset GasSupply, "gas_supplies", "Gas production, and imports through a gate." {
    node: String, Ref(&["gas_nodes"]), "-", None, "Hub.";
    supply_gwh_d: f64, Number(0.0, 20_000.0), "GWh/d", None, "Largest sustained supply.";
} }

table! { plain GasDemand, "gas_demands", "Gas demand at a hub by class." {
    key: String, Key, "-", None, "Unique key.";
    node: String, Ref(&["gas_nodes"]), "-", None, "Hub.";
    zone: String, Ref(&["zones"]), "-", None, "Zone.";
    protected_gwh_y: f64, Number(0.0, INF), "GWh/y", None, "Protected customers: homes, essential services, district heat.";
    industry_gwh_y: f64, Number(0.0, INF), "GWh/y", None, "Industry.";
    power_gwh_y: f64, Number(0.0, INF), "GWh/y", None, "Power plants.";
} }

table! { plain GasProfile, "gas_profile", "Monthly factors of gas demand over the mean day." {
    month: f64, Number(1.0, 12.0), "-", None, "Month.";
    protected_factor: f64, Number(0.0, 10.0), "-", None, "Protected customers.";
    industry_factor: f64, Number(0.0, 10.0), "-", None, "Industry.";
    power_factor: f64, Number(0.0, 10.0), "-", None, "Power plants.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { plain SeaNode, "sea_nodes", "Points of the sea-lane graph." {
    key: String, Key, "-", None, "Unique key.";
    lat: f64, Number(-90.0, 90.0), "deg", None, "Latitude.";
    lon: f64, Number(-180.0, 180.0), "deg", None, "Longitude.";
} }

table! { asset Passage, "passages", "Straits and canals." {
    capacity_kt_d: f64, Number(0.0, INF), "kt/d", Some("0"), "Largest throughput; 0: unlimited.";
} }

table! { asset SeaLane, "sea_lanes", "Edges of the sea-lane graph." {
    node_from: String, Ref(&["sea_nodes"]), "-", None, "From point.";
    node_to: String, Ref(&["sea_nodes"]), "-", None, "To point.";
    length_km: f64, Number(0.0, 30_000.0), "km", None, "Length.";
    passage: Option<String>, Ref(&["passages"]), "-", Some(""), "Passage it runs through.";
} }

table! { asset Port, "ports", "Sea ports." {
    sea_node: String, Ref(&["sea_nodes"]), "-", None, "Point of the sea-lane graph.";
    throughput_kt_d: f64, Number(0.0, INF), "kt/d", Some("0"), "Mean throughput.";
    surge_share: f64, Number(0.0, 2.0), "share", Some("0.2"), "Spare throughput over the mean.";
} }

table! { plain SeaFlow, "sea_flows", "Freight between ports." {
    port_from: String, Ref(&["ports"]), "-", None, "Origin.";
    port_to: String, Ref(&["ports"]), "-", None, "Destination.";
    kt_d: f64, Number(0.0, INF), "kt/d", None, "Mean flow, both directions together.";
} }

table! { asset Airport, "airports", "Airports with scheduled service." {
    passengers_d: f64, Number(0.0, INF), "/d", Some("0"), "Mean passengers handled.";
    surge_share: f64, Number(0.0, 2.0), "share", Some("0.15"), "Spare handling over the mean.";
} }

table! { plain AirFlow, "air_flows", "Passengers between airports." {
    airport_from: String, Ref(&["airports"]), "-", None, "Origin.";
    airport_to: String, Ref(&["airports"]), "-", None, "Destination.";
    passengers_d: f64, Number(0.0, INF), "/d", None, "Mean flow, both directions together.";
} }

table! { asset DataNode, "data_nodes", "Metros, exchanges, cable landings, data centres." {
    capacity_gbit_s: f64, Number(0.0, INF), "Gbit/s", Some("0"), "Largest traffic through it, for reading; links limit traffic.";
} }

table! { asset DataLink, "data_links", "Fibre routes and submarine cable segments." {
    node_from: String, Ref(&["data_nodes"]), "-", None, "From node.";
    node_to: String, Ref(&["data_nodes"]), "-", None, "To node.";
    length_km: f64, Number(0.0, 50_000.0), "km", None, "Route length.";
    capacity_gbit_s: f64, Number(0.0, INF), "Gbit/s", None, "Usable capacity.";
} }

table! { plain DataFlow, "data_flows", "Busy-hour traffic between metros (and gates)." {
    node_from: String, Ref(&["data_nodes"]), "-", None, "Origin.";
    node_to: String, Ref(&["data_nodes"]), "-", None, "Destination.";
    gbit_s: f64, Number(0.0, INF), "Gbit/s", None, "Flow, both directions together.";
} }

table! { asset Constellation, "constellations", "Satellite systems as services." {
    service: String, Choice(&["pnt", "augmentation", "satcom", "earth_observation"]), "-", None, "What it delivers.";
    min_elevation_deg: f64, Number(0.0, 90.0), "deg", Some("10"), "Mask angle of a user.";
    satcom_mbit_s: f64, Number(0.0, INF), "Mbit/s", Some("0"), "Capacity of the system over the case.";
    message_age_limit_h: f64, Number(0.0, 1e5), "h", Some("0"), "How long the service lasts without its ground segment; the buffer of the dependency on control sites is made from it.";
    timing_holdover_h: f64, Number(0.0, 1e5), "h", Some("24"), "How long timing users last without the signal; for reading, the buffers of timing dependencies count.";
} }

table! { asset Satellite, "satellites", "Satellites." {
    constellation: String, Ref(&["constellations"]), "-", None, "System.";
    orbit: String, Choice(&["MEO", "LEO", "GEO", "IGSO"]), "-", None, "Orbit class.";
    altitude_km: f64, Number(100.0, 60_000.0), "km", None, "Altitude of the circular orbit.";
    inclination_deg: f64, Number(0.0, 180.0), "deg", Some("0"), "Inclination.";
    raan_deg: f64, Number(-360.0, 720.0), "deg", Some("0"), "Right ascension of the ascending node at the epoch (GEO: longitude).";
    arg_lat_deg: f64, Number(-360.0, 720.0), "deg", Some("0"), "Argument of latitude at the epoch.";
} }

table! { asset GroundSite, "ground_sites", "Ground segment of the satellite systems." {
    constellation: String, Ref(&["constellations"]), "-", None, "System.";
    share: f64, Number(0.0, 1.0), "share", Some("0"), "Share of the system's throughput that passes it (gateways).";
} }

table! { asset ControlFleet, "control_fleets", "Units that are controlled remotely over a satellite system." {
    constellation: String, Ref(&["constellations"]), "-", None, "System.";
    amount_mw: f64, Number(0.0, INF), "MW", None, "Capacity (or units) under remote control.";
} }

table! { asset Site, "sites", "Further assets that need supplies and deliver a named service to people: hospitals, radio towers, consumers." {
    service: String, Text, "-", Some("service"), "Service delivered.";
    demand_mw: f64, Number(0.0, INF), "MW", Some("0"), "Electricity demand at its bus; for reading, loads carry demand.";
    bus: Option<String>, Ref(&["power_buses"]), "-", Some(""), "Bus that supplies it.";
    persons: f64, Number(0.0, INF), "persons", Some("0"), "People served.";
} }

table! { plain Threat, "threats", "What can happen." {
    key: String, Key, "-", None, "Unique key.";
    name: String, Text, "-", None, "Name.";
    class: String, Choice(&["sabotage", "cyber", "supplier", "coercion", "natural", "climate", "space_weather", "jamming", "accident", "technical"]), "-", None, "Class.";
    description: String, Text, "-", Some(""), "What happens.";
    rate_low: Option<f64>, Number(0.0, 1000.0), "/y", Some(""), "Annual rate, low.";
    rate_central: Option<f64>, Number(0.0, 1000.0), "/y", Some(""), "Annual rate, central.";
    rate_high: Option<f64>, Number(0.0, 1000.0), "/y", Some(""), "Annual rate, high.";
    rate_basis: String, Text, "-", Some("no rate: weight only"), "Basis of the rate.";
    warning_signs: String, Text, "-", Some(""), "What would warn of it.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { plain ThreatEffect, "threat_effects", "Changes that a threat makes." {
    owner: String, Ref(&["threats"]), "-", None, "Threat.";
    action: String, Choice(crate::change::ACTIONS), "-", None, "Action.";
    select: String, Selector, "-", None, "What it acts on.";
    value: Option<f64>, Number(0.0, 1e6), "see action", Some(""), "Size.";
    from_h: f64, Number(0.0, 1e6), "h", Some("0"), "Start.";
    to_low_h: Option<f64>, Number(0.0, 1e6), "h", Some(""), "End, short; empty: the kind's repair time.";
    to_central_h: Option<f64>, Number(0.0, 1e6), "h", Some(""), "End, usual.";
    to_high_h: Option<f64>, Number(0.0, 1e6), "h", Some(""), "End, long.";
    note: String, Text, "-", Some(""), "Remark.";
} }

table! { plain Measure, "measures", "What can be bought or done." {
    key: String, Key, "-", None, "Unique key.";
    name: String, Text, "-", None, "Name.";
    class: String, Choice(&["palliative", "corrective"]), "-", None, "Softens consequences, or removes the weakness.";
    description: String, Text, "-", Some(""), "What is done.";
    cost_low_meur: f64, Number(0.0, INF), "MEUR", None, "Cost, low.";
    cost_central_meur: f64, Number(0.0, INF), "MEUR", None, "Cost, central.";
    cost_high_meur: f64, Number(0.0, INF), "MEUR", None, "Cost, high.";
    yearly_cost_meur: f64, Number(0.0, INF), "MEUR/y", Some("0"), "Yearly cost.";
    lead_time_months: f64, Number(0.0, 600.0), "months", Some("0"), "Lead time.";
    lifetime_y: f64, Number(1.0, 100.0), "y", Some("20"), "Lifetime.";
    decides: String, Text, "-", Some(""), "Who decides.";
    pays: String, Text, "-", Some(""), "Who can pay.";
    zones: String, Text, "-", Some(""), "Zones that pay, separated by |; empty: all; shared by gross domestic product.";
    source: String, Ref(&["sources"]), "-", None, "Source.";
} }

table! { plain MeasureEffect, "measure_effects", "Changes that a measure makes." {
    owner: String, Ref(&["measures"]), "-", None, "Measure.";
    action: String, Choice(crate::change::ACTIONS), "-", None, "Action.";
    select: String, Selector, "-", None, "What it acts on.";
    value: Option<f64>, Number(0.0, 1e6), "see action", Some(""), "Size.";
    from_h: f64, Number(0.0, 1e6), "h", Some("0"), "Start.";
    to_low_h: Option<f64>, Number(0.0, 1e6), "h", Some(""), "End, short.";
    to_central_h: Option<f64>, Number(0.0, 1e6), "h", Some(""), "End, usual.";
    to_high_h: Option<f64>, Number(0.0, 1e6), "h", Some(""), "End, long.";
    note: String, Text, "-", Some(""), "Remark.";
} }

/// Every table of a case in reading order.
pub const TABLES: &[Table] = &[
    Source::TABLE,
    Zone::TABLE,
    City::TABLE,
    Fact::TABLE,
    Commodity::TABLE,
    RepairTime::TABLE,
    RepairResource::TABLE,
    Dependency::TABLE,
    Technology::TABLE,
    Bus::TABLE,
    Line::TABLE,
    Hvdc::TABLE,
    Plant::TABLE,
    Load::TABLE,
    GasNode::TABLE,
    GasPipe::TABLE,
    GasCompressor::TABLE,
    GasStorage::TABLE,
    LngTerminal::TABLE,
    GasSupply::TABLE,
    GasDemand::TABLE,
    GasProfile::TABLE,
    SeaNode::TABLE,
    Passage::TABLE,
    SeaLane::TABLE,
    Port::TABLE,
    SeaFlow::TABLE,
    Airport::TABLE,
    AirFlow::TABLE,
    DataNode::TABLE,
    DataLink::TABLE,
    DataFlow::TABLE,
    Constellation::TABLE,
    Satellite::TABLE,
    GroundSite::TABLE,
    ControlFleet::TABLE,
    Site::TABLE,
    Threat::TABLE,
    ThreatEffect::TABLE,
    Measure::TABLE,
    MeasureEffect::TABLE,
];
