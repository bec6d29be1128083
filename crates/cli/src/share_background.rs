//! What a case says beside an assessment: assets, dependencies, and the changes of threats and measures, in the words of the exchange.

use std::collections::BTreeSet;
use std::path::Path;

use buttress::engine::compile::{Supply, World};
use buttress::model::{Case, Study};
use buttress::optim::assess::{measure_changes, threat_changes};
use buttress_wire::vocabulary::{Assessment, Asset, Background, Change, Dependency, Range, StudySettings, Tie};

/// The case that an assessment was made from, and its study.
pub fn case_of(assessment: &Assessment, dir: Option<&Path>) -> Result<(Case, Study), Box<dyn std::error::Error>> {
    let case = buttress::load(dir)?;
    if case.digest() != assessment.case.digest {
        return Err(format!(
            "the assessment is of the case {} with digest {}, and this is {} with digest {}: give the case that was assessed with --case",
            assessment.case.key,
            assessment.case.digest,
            case.key(),
            case.digest()
        )
        .into());
    }
    Ok((case, study_of(&assessment.study)?))
}

/// A study from the settings that were told.
pub fn study_of(settings: &StudySettings) -> Result<Study, Box<dyn std::error::Error>> {
    let text = format!(
        "start_month = {}\nhorizon_h = {:?}\nstorage_fill = {:?}\nseed = {}\npoint = \"{}\"\nlevel = \"{}\"\nsharing = \"{}\"\nbalance = \"{}\"\ngas_peak_days = {}\nsampled = {}\n",
        settings.start_month,
        settings.horizon_h,
        settings.storage_fill,
        settings.seed,
        settings.point.escape_default(),
        settings.level.escape_default(),
        settings.sharing.escape_default(),
        settings.balance.escape_default(),
        settings.gas_peak_days,
        settings.sampled
    );
    Ok(buttress::io::scenario_file::study("the study of the report", &text)?)
}

/// Everything that may be told of an assessment.
pub fn background(case: &Case, study: &Study, assessment: &Assessment) -> Background {
    let wanted: BTreeSet<&str> = assessment.losses.iter().map(|loss| loss.asset.as_str()).collect();
    let assets = case.assets().iter().filter(|a| wanted.contains(a.key.as_str()));
    Background {
        assets: assets.map(|a| (a.key.clone(), (a.name.clone(), asset(case, a)))).collect(),
        ties: ties(&World::compile(case, study, &[]), &wanted),
        threat_changes: case.tables().threats.iter().map(|t| (t.key.clone(), changes(&threat_changes(case, &t.key)))).collect(),
        measure_changes: case.tables().measures.iter().map(|m| (m.key.clone(), changes(&measure_changes(case, &m.key)))).collect(),
    }
}

fn asset(case: &Case, a: &buttress::model::Asset) -> Asset {
    Asset {
        case: case.key().to_owned(),
        key: a.key.clone(),
        kind: a.kind.clone(),
        sector: a.sector.name().to_owned(),
        zone: a.zone.clone(),
        zone_to: (a.zone_to != a.zone).then(|| a.zone_to.clone()),
        lat: a.lat,
        lon: a.lon,
        operator: (!a.operator.trim().is_empty()).then(|| a.operator.clone()),
        capacity: a.capacity,
        unit: a.unit.to_owned(),
        in_service: a.in_service,
        provenance: a.provenance.clone(),
    }
}

fn changes(list: &[buttress::model::Change]) -> Vec<Change> {
    let one = |c: &buttress::model::Change| {
        let [low, central, high] = c.to_h.map_or([None; 3], |ends| ends.map(Some));
        Change {
            action: c.action.rule().word.to_owned(),
            select: c.select.to_string(),
            value: c.action.needs_value().then_some(c.value),
            from_h: (c.from_h != 0.0).then_some(c.from_h),
            to_h: central,
            to_low_h: low.filter(|_| low != central),
            to_high_h: high.filter(|_| high != central),
            structural: c.action.is_structural(),
        }
    };
    list.iter().map(one).collect()
}

/// Who depends on whom among the assets that are asked for.
fn ties(world: &World, wanted: &BTreeSet<&str>) -> Vec<Tie> {
    let first = &world.first;
    let mut out = Vec::new();
    for dep in world.deps.iter() {
        let dependent = world.asset(dep.dependent).key.as_str();
        if !wanted.contains(dependent) {
            continue;
        }
        let suppliers: Vec<usize> = match &dep.supply {
            Supply::Bus(bus) => vec![first.bus + *bus as usize],
            Supply::Area(buses) => buses.iter().map(|(bus, _)| first.bus + *bus as usize).collect(),
            Supply::GasNode(hub) => vec![first.gas_node + *hub as usize],
            Supply::DataNode(metro) => vec![first.data_node + *metro as usize],
            Supply::Satcom(system) => vec![first.system + *system as usize],
            Supply::Assets(assets, _) => assets.iter().map(|a| *a as usize).collect(),
            // Positioning and timing come from whole constellations at a place, and not from one asset.
            Supply::Pnt(..) | Supply::Timing(..) => Vec::new(),
        };
        let rule = &world.case.tables().dependencies[dep.rule as usize];
        for supplier in suppliers.into_iter().map(|s| world.case.assets()[s].key.as_str()).filter(|key| wanted.contains(key)) {
            let [low, central, high] = dep.buffer_h;
            let dependency = Dependency {
                rule: rule.key.clone(),
                needs: rule.needs.clone(),
                threshold_share: dep.threshold,
                buffer_h: Range { low, central, high },
                recharge_h: dep.recharge_h,
                restart_delay_h: dep.restart_delay_h,
                effect_share: dep.effect,
                rinaldi: rule.rinaldi.clone(),
            };
            out.push(Tie { dependent: dependent.to_owned(), supplier: supplier.to_owned(), dependency });
        }
    }
    out
}
