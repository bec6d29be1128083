//! Doors for data: case folders, the embedded Europe, studies and scenarios, JSON, CSV, the report.

pub mod assessment_diff;
pub mod assessment_json;
pub mod case_folder;
pub mod embedded;
pub mod power_formats;
pub mod power_json;
pub mod power_map;
pub mod power_study;
pub mod report;
pub mod scenario_file;
pub mod tables_csv;

/// A JSON value.
pub type Json = serde_json::Value;
