//! What may be asked of a node, and how it is put to the program: typed settings in, a vector of arguments out. No text of a client
//! becomes a path, an option or a command.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::{AssessSettings, Refused, RunSettings, toml_of};

/// A question and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", content = "settings", rename_all = "snake_case")]
pub enum Question {
    /// The whole assessment with its report.
    Assess(AssessSettings),
    /// One scenario.
    Run(RunSettings),
}

/// What a job is made from.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NewJob {
    /// The whole assessment with its report.
    Assess {
        /// Settings.
        #[serde(default)]
        settings: AssessSettings,
        /// Work on it even where a job of this account has the same digest.
        #[serde(default)]
        fresh: bool,
    },
    /// One scenario.
    Run {
        /// Settings.
        settings: RunSettings,
        /// Work on it even where a job of this account has the same digest.
        #[serde(default)]
        fresh: bool,
    },
}

/// Whether a result that is there already will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A job with the same digest will do.
    Any,
    /// A new one.
    Fresh,
}

impl NewJob {
    /// The question, and whether an older answer will do.
    pub fn parts(self) -> (Question, Wanted) {
        let (question, fresh) = match self {
            NewJob::Assess { settings, fresh } => (Question::Assess(settings), fresh),
            NewJob::Run { settings, fresh } => (Question::Run(settings), fresh),
        };
        (question, if fresh { Wanted::Fresh } else { Wanted::Any })
    }
}

/// Folder of the result within that of the job.
pub(super) const RESULT: &str = "result";
/// File into which the program writes how far it is.
pub(super) const PROGRESS: &str = "progress.jsonl";
/// The node's case within the folder of the job.
pub(super) const CASE: &str = "case";
const STUDY: &str = "study.toml";
const SCENARIO: &str = "scenario.toml";

/// What the program is started with, in the folder of the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// Arguments.
    pub arguments: Vec<String>,
    /// Files beside the result that it reads.
    pub files: Vec<(&'static str, String)>,
    /// File of the result that its standard output becomes.
    pub output: &'static str,
}

impl Question {
    /// Refuses settings out of range.
    pub fn check(&self) -> Result<(), Refused> {
        match self {
            Question::Assess(settings) => settings.check(),
            Question::Run(settings) => settings.check(),
        }
    }

    /// How it is put to the program on so many threads.
    pub(super) fn call(&self, case: Option<&str>, threads: usize) -> Result<Call, Refused> {
        let mut arguments: Vec<String> = Vec::new();
        let mut files = Vec::new();
        let study = match self {
            Question::Assess(settings) => &settings.study,
            Question::Run(settings) => &settings.study,
        };
        let output = match self {
            Question::Assess(settings) => {
                arguments.push("assess".into());
                arguments.extend(case.map(str::to_owned));
                arguments.push(format!("--out={RESULT}"));
                arguments.push(format!("--budget={}", settings.budget_meur));
                arguments.push(format!("--marking={}", settings.marking.word()));
                arguments.push(format!("--threads={threads}"));
                "summary.txt"
            }
            Question::Run(settings) => {
                arguments.push("run".into());
                if let Some(scenario) = &settings.scenario {
                    arguments.push(SCENARIO.into());
                    files.push((SCENARIO, toml_of("scenario", scenario)?));
                }
                arguments.extend(settings.threat.iter().map(|threat| format!("--threat={threat}")));
                if !settings.take_out.is_empty() {
                    let parts: Vec<String> = settings.take_out.iter().map(ToString::to_string).collect();
                    arguments.push(format!("--take-out={}", parts.join(",")));
                }
                arguments.extend(case.map(|case| format!("--case={case}")));
                arguments.push("--json".into());
                "scenario.json"
            }
        };
        if let Some(study) = study {
            arguments.push(format!("--study={STUDY}"));
            files.push((STUDY, toml_of("study", study)?));
        }
        arguments.push(format!("--progress-json={PROGRESS}"));
        Ok(Call { arguments, files, output })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn asked(body: &Value) -> Result<Question, String> {
        let new: NewJob = serde_json::from_str(&body.to_string()).map_err(|e| e.to_string())?;
        let question = new.parts().0;
        question.check().map_err(|e| e.to_string())?;
        Ok(question)
    }

    #[test]
    fn settings_become_arguments_and_files() {
        let question = asked(&json!({"kind": "run", "settings": {
            "threat": "storm", "take_out": [{"asset": "bus.a2", "from_h": 1.5, "to_h": 48}, {"asset": "bus.b", "from_h": 2}, {"asset": "bus.c"}],
            "study": {"level": "high"},
            "scenario": {"title": "A \"b\"\n", "change": [{"action": "take_out", "select": "key:x"}], "add_asset": [{"table": "hubs", "n": 1.5}]}}}));
        let call = question.unwrap().call(Some("case"), 2).unwrap();
        let line = "run scenario.toml --threat=storm --take-out=bus.a2@1.5..48,bus.b@2..,bus.c --case=case --json --study=study.toml --progress-json=progress.jsonl";
        assert_eq!(call.arguments.join(" "), line);
        let scenario: toml::Table = call.files[0].1.parse().unwrap();
        assert_eq!(scenario["title"].as_str(), Some("A \"b\"\n"));
        assert_eq!(scenario["change"][0]["select"].as_str(), Some("key:x"));
        assert_eq!(scenario["add_asset"][0]["n"].as_float(), Some(1.5));
        assert!(scenario["change"][0].get("value").is_none());
        let study: toml::Table = call.files[1].1.parse().unwrap();
        assert_eq!((study["level"].as_str(), study["horizon_h"].as_float()), (Some("high"), Some(8760.0)));
    }

    #[test]
    fn an_assessment_asks_for_nothing_by_itself() {
        let call = asked(&json!({"kind": "assess"})).unwrap().call(None, 3).unwrap();
        let line = "assess --out=result --budget=1000 --marking=TLP:CLEAR --threads=3 --progress-json=progress.jsonl";
        assert_eq!((call.arguments.join(" ").as_str(), call.files.len()), (line, 0));
    }

    #[test]
    fn what_is_no_setting_is_refused_with_its_name() {
        let run = |settings: Value| json!({"kind": "run", "settings": settings});
        for (body, word) in [
            (json!({"kind": "assess", "settings": {"out": "/etc"}}), "out"),
            (json!({"kind": "assess", "settings": {"case": "/etc"}}), "case"),
            (json!({"kind": "assess", "settings": {"budget_meur": -1}}), "budget_meur"),
            (json!({"kind": "assess", "settings": {"marking": "--json"}}), "TLP:CLEAR"),
            (json!({"kind": "assess", "settings": {"study": {"horizon_h": 0}}}), "horizon_h"),
            (json!({"kind": "assess", "other": 1}), "other"),
            (json!({"kind": "serve"}), "serve"),
            (json!({}), "kind"),
            (run(json!({})), "nothing says what happens"),
            (run(json!({"threat": "--study=/etc/passwd"})), "threat"),
            (run(json!({"threat": "a b"})), "threat"),
            (run(json!({"take_out": [{"asset": "a,b"}]})), "asset"),
            (run(json!({"take_out": [{"asset": "a@0..1"}]})), "asset"),
            (run(json!({"take_out": [{"asset": "-x"}]})), "asset"),
            (run(json!({"take_out": [{"asset": "x", "to_h": -1}]})), "to_h"),
            (run(json!({"take_out": [{"asset": "x", "from_h": 1e9}]})), "from_h"),
            (run(json!({"scenario": {"change": [], "path": "x"}})), "path"),
            (run(json!({"scenario": {"change": []}})), "scenario"),
        ] {
            let why = asked(&body).expect_err(&body.to_string());
            assert!(why.contains(word), "{body}: {why}");
        }
    }
}
