//! Published cases for tests, read by the importer that users have. Where the folder is missing, a test says so and is skipped.

use std::path::PathBuf;

use buttress_model::PowerNetwork;

/// The folder of published data, when it is there.
pub(crate) fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let found = folder.is_dir();
    if !found {
        eprintln!("skipped: no folder {}", folder.display());
    }
    found.then_some(folder)
}

/// A network by its path inside the folder.
pub(crate) fn network(path: &str) -> Option<PowerNetwork> {
    let path = data()?.join(path);
    let (network, findings) = buttress_io::power_formats::read_power(&path).unwrap_or_else(|e| panic!("{e}"));
    Some(network.unwrap_or_else(|| panic!("{findings:?}")))
}

/// A MATPOWER case by name.
pub(crate) fn matpower(name: &str) -> Option<PowerNetwork> {
    network(&format!("energy-power/matpower/{name}.m"))
}
