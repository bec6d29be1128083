//! From an assessment to objects: the report, its weaknesses, the assets and threats behind them, and the measures of its plans.

use std::collections::{BTreeMap, BTreeSet};

use super::assessment::{Assessment, Loss, MeasureRow, ThreatRow};
use super::definitions::organisation;
use super::view::{
    ASSESSMENT, ASSET, Asset, Change, DEPENDENCY, Dependency, MEASURE, Measure, Mitigates, THREAT, Threat, WEAKNESS, Weakness,
};
use super::{Draft, asset_id, id_of, measure_id, organisation_id, threat_id};
use crate::stix::Id;

/// What the case says beside the assessment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Background {
    /// Assets by key, at least those of the weaknesses.
    pub assets: BTreeMap<String, (String, Asset)>,
    /// What depends on what.
    pub ties: Vec<Tie>,
    /// Changes that each threat makes.
    pub threat_changes: BTreeMap<String, Vec<Change>>,
    /// Changes that each measure makes.
    pub measure_changes: BTreeMap<String, Vec<Change>>,
}

/// One asset that needs another.
#[derive(Debug, Clone, PartialEq)]
pub struct Tie {
    /// Key of the asset that needs.
    pub dependent: String,
    /// Key of the asset that gives.
    pub supplier: String,
    /// What and how.
    pub dependency: Dependency,
}

/// What of an assessment is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The worst assets and the worst threats, this many each, and the measures of the plans.
    Worst(usize),
    /// One weakness: the rank of an asset's loss, or the key of an asset or threat.
    One(String),
    /// The measures of the plans.
    Plan,
}

/// Who shares what, under which markings.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    /// Name of the organisation.
    pub by: &'a str,
    /// Markings.
    pub markings: &'a [Id],
    /// What is shared.
    pub choice: &'a Choice,
}

/// Why nothing can be shared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NothingToShare {
    /// No such weakness.
    #[error("the assessment has no weakness `{0}`: give a rank from 1 to {1}, or the key of an asset or threat that loses something")]
    NoWeakness(String, usize),
    /// No plan.
    #[error("the assessment has no plan with measures: make it with `buttress assess --budget MEUR`")]
    NoPlan,
    /// Nothing is lost anywhere.
    #[error("the assessment has no weakness: nothing that it ran loses anything")]
    Sound,
    /// The case lacks what the assessment names.
    #[error("the case has no asset `{0}`: give the case that the assessment was made from with --case")]
    NoAsset(String),
}

/// What is being put together.
struct Maker<'a> {
    from: &'a Assessment,
    background: &'a Background,
    markings: &'a [Id],
    by: Id,
    drafts: Vec<Draft>,
    /// Weaknesses by the key of their asset or threat.
    weaknesses: BTreeMap<String, Id>,
    assets: BTreeSet<String>,
}

/// The objects that say what is shared, the report last; markings and times are the caller's.
///
/// # Errors
/// [`NothingToShare`] when the choice names nothing.
pub fn objects(from: &Assessment, background: &Background, publication: &Publication) -> Result<Vec<Draft>, NothingToShare> {
    let Publication { by, markings, choice } = *publication;
    let mut maker = Maker {
        from,
        background,
        markings,
        by: organisation_id(by),
        drafts: vec![organisation(by, markings)],
        weaknesses: BTreeMap::new(),
        assets: BTreeSet::new(),
    };
    let real = |n: usize| from.losses.iter().enumerate().filter(|(_, l)| l.provenance != "synthetic").take(n);
    let harmful = || from.threats.iter().enumerate().filter(|(_, t)| t.central.people_hours > 0.0 || t.central.euro.central > 0.0);
    match choice {
        Choice::Worst(n) => {
            for (rank, loss) in real(*n) {
                maker.loss(rank, loss)?;
            }
            harmful().take(*n).for_each(|(rank, threat)| maker.threat(rank, threat));
            if maker.weaknesses.is_empty() {
                return Err(NothingToShare::Sound);
            }
            maker.plan();
        }
        Choice::One(which) => {
            let is_meant = |rank: usize, key: &str| which == key || which.parse() == Ok(rank + 1);
            let loss = from.losses.iter().enumerate().find(|(rank, l)| is_meant(*rank, &l.asset));
            let threat = harmful().find(|(_, t)| t.key == *which || t.key == format!("threat.{which}"));
            match (loss, threat) {
                (Some((rank, loss)), _) => maker.loss(rank, loss)?,
                (None, Some((rank, threat))) => maker.threat(rank, threat),
                (None, None) => return Err(NothingToShare::NoWeakness(which.clone(), from.losses.len())),
            }
        }
        Choice::Plan => {
            if maker.plan() == 0 {
                return Err(NothingToShare::NoPlan);
            }
        }
    }
    maker.ties();
    maker.report(choice);
    Ok(maker.drafts)
}

impl Maker<'_> {
    fn draft(&self, id: Id) -> Draft {
        Draft::new(id, Some(&self.by), self.markings)
    }

    fn relate(&mut self, source: &Id, how: &str, target: &Id) {
        let draft = self.relation(source, how, target);
        self.drafts.push(draft);
    }

    fn relation(&self, source: &Id, how: &str, target: &Id) -> Draft {
        let mut draft = self.draft(id_of("relationship", &[source.as_str(), how, target.as_str()]));
        draft.set("relationship_type", how).set("source_ref", source.as_str()).set("target_ref", target.as_str());
        draft
    }

    /// A weakness is judged by one organisation from one case and study; a newer engine makes a newer version of it.
    fn weakness_id(&self, about: &str, key: &str) -> Id {
        id_of("vulnerability", &[self.by.as_str(), &self.from.case.digest, &self.from.study_digest, about, key])
    }

    fn weakness(&mut self, id: &Id, (name, reason): (&str, &str), body: &Weakness) {
        let mut draft = self.draft(id.clone());
        draft.set("name", name).set_text("description", reason).extend(WEAKNESS, body);
        self.weaknesses.insert(body.key.clone(), id.clone());
        self.drafts.push(draft);
    }

    fn loss(&mut self, rank: usize, loss: &Loss) -> Result<(), NothingToShare> {
        let asset = self.asset(&loss.asset)?;
        let id = self.weakness_id("asset", &loss.asset);
        let change = Change { action: "take_out".into(), select: format!("key:{}", loss.asset), ..Change::default() };
        let body = Weakness {
            rank: rank as u64 + 1,
            figures: loss.central.figures(),
            figures_low: loss.low.as_ref().map(super::assessment::Summary::figures),
            figures_high: loss.high.as_ref().map(super::assessment::Summary::figures),
            second_hit: loss.second_hit.clone(),
            ..self.blank("asset", &loss.asset, vec![change])
        };
        self.weakness(&id, (&format!("Loss of {}", loss.name), &loss.reason), &body);
        self.relate(&asset, "has", &id);
        Ok(())
    }

    fn threat(&mut self, rank: usize, threat: &ThreatRow) {
        let case = &self.from.case.key;
        let mut draft = self.draft(threat_id(case, &threat.key));
        let body = Threat {
            case: case.clone(),
            key: threat.key.clone(),
            class: threat.class.clone(),
            rate_per_year: threat.rate_per_year.clone(),
        };
        draft.set("name", threat.name.as_str()).extend(THREAT, &body);
        let source = draft.id.clone();
        self.drafts.push(draft);
        let id = self.weakness_id("threat", &threat.key);
        let changes = self.background.threat_changes.get(&threat.key).cloned().unwrap_or_default();
        let body = Weakness {
            rank: rank as u64 + 1,
            figures: threat.central.figures(),
            figures_low: Some(threat.low.figures()),
            figures_high: Some(threat.high.figures()),
            ..self.blank("threat", &threat.key, changes)
        };
        self.weakness(&id, (&format!("Exposure to: {}", threat.name), &threat.reason), &body);
        self.relate(&source, "targets", &id);
    }

    fn blank(&self, about: &str, key: &str, changes: Vec<Change>) -> Weakness {
        Weakness {
            case: self.from.case.key.clone(),
            case_digest: self.from.case.digest.clone(),
            study_digest: self.from.study_digest.clone(),
            engine_version: self.from.engine_version.clone(),
            about: about.to_owned(),
            key: key.to_owned(),
            rank: 0,
            figures: super::view::Figures::default(),
            figures_low: None,
            figures_high: None,
            second_hit: None,
            changes,
        }
    }

    fn asset(&mut self, key: &str) -> Result<Id, NothingToShare> {
        let id = asset_id(&self.from.case.key, key);
        let (name, asset) = self.background.assets.get(key).ok_or_else(|| NothingToShare::NoAsset(key.to_owned()))?;
        if self.assets.insert(key.to_owned()) {
            let mut draft = self.draft(id.clone());
            draft.set("name", if name.is_empty() { key } else { name }).extend(ASSET, asset);
            self.drafts.push(draft);
        }
        Ok(id)
    }

    /// Dependencies among the assets that are shared.
    fn ties(&mut self) {
        let case = &self.from.case.key;
        let told = self.background.ties.iter().filter(|t| self.assets.contains(&t.dependent) && self.assets.contains(&t.supplier));
        let drafts: Vec<Draft> = told
            .map(|tie| {
                let mut draft = self.relation(&asset_id(case, &tie.dependent), "depends-on", &asset_id(case, &tie.supplier));
                // Two assets may be tied by several rules.
                draft.rename(id_of("relationship", &[draft.id.as_str(), &tie.dependency.rule]));
                draft.extend(DEPENDENCY, &tie.dependency);
                draft
            })
            .collect();
        self.drafts.extend(drafts);
    }

    /// The measures of both plans; how many.
    fn plan(&mut self) -> usize {
        let Some(portfolio) = &self.from.portfolio else { return 0 };
        let plans = [("joint", &portfolio.joint), ("national", &portfolio.national)];
        let mut n = 0;
        for row in &self.from.measures {
            let chosen: Vec<&str> = plans.iter().filter(|p| p.1.measures.contains(&row.key)).map(|p| p.0).collect();
            if !chosen.is_empty() {
                n += 1;
                self.measure(row, &chosen);
            }
        }
        n
    }

    fn measure(&mut self, row: &MeasureRow, plans: &[&str]) {
        let id = measure_id(&self.from.case.key, &row.key, &self.by);
        let [low, central, high] = row.cost_meur;
        let mitigates = self.from.mitigated(row).map(|(key, share)| Mitigates { weakness: key.to_owned(), avoided_share: share });
        let body = Measure {
            case: self.from.case.key.clone(),
            case_digest: self.from.case.digest.clone(),
            study_digest: self.from.study_digest.clone(),
            key: row.key.clone(),
            class: row.class.clone(),
            cost_meur: super::view::Range { low, central, high },
            avoided_euro: row.avoided_euro,
            avoided_people_hours: row.avoided_people_hours,
            avoided_euro_per_euro: row.avoided_euro_per_euro,
            mitigates: mitigates.collect(),
            plans: plans.iter().map(|p| (*p).to_owned()).collect(),
            changes: self.background.measure_changes.get(&row.key).cloned().unwrap_or_default(),
        };
        let mut draft = self.draft(id.clone());
        draft.set("name", row.name.as_str()).extend(MEASURE, &body);
        self.drafts.push(draft);
        let met: Vec<Id> = body.mitigates.iter().filter_map(|m| self.weaknesses.get(&m.weakness)).cloned().collect();
        met.iter().for_each(|weakness| self.relate(&id, "mitigates", weakness));
    }

    fn report(&mut self, choice: &Choice) {
        let from = self.from;
        let (what, selection) = match choice {
            Choice::Worst(n) => ("its worst weaknesses and its plans".to_owned(), format!("worst {n}")),
            Choice::One(which) => (format!("one weakness, {which}"), format!("one {which}")),
            Choice::Plan => ("its plans".to_owned(), "plan".to_owned()),
        };
        let budget = from.portfolio.as_ref().map_or(String::new(), |p| p.budget_meur.to_string());
        let id = id_of("report", &[self.by.as_str(), &from.case.digest, &from.study_digest, &budget, &selection]);
        let mut draft = self.draft(id);
        draft
            .set("name", format!("Assessment of {}, version {}: {what}", from.case.title, from.case.version))
            .set("report_types", vec!["vulnerability"])
            .set_list("object_refs", self.drafts.iter().map(|d| d.id.as_str()))
            .extend(ASSESSMENT, &from.shared());
        self.drafts.push(draft);
    }
}
