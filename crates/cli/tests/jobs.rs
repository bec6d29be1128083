//! A real job over TLS: the built binary serves, and works on the embedded case as its own child.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Folder of a node that goes with its test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Node {
    child: Child,
    address: String,
    agent: ureq::Agent,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn buttress() -> Command {
    Command::new(env!("CARGO_BIN_EXE_buttress"))
}

fn folder(name: &str) -> Folder {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    Folder(path)
}

fn serve(folder: &Folder, more: &[&str]) -> Node {
    let mut command = buttress();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&folder.0).args(more).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let address = line.split_once("https://").and_then(|(_, rest)| rest.split_once('/')).expect("an address").0.to_owned();
    let pem = std::fs::read(folder.0.join("certificate.pem")).expect("a certificate");
    let roots = ureq::tls::RootCerts::new_with_certs(&[ureq::tls::Certificate::from_pem(&pem).expect("a certificate")]);
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let agent = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false).proxy(None);
    Node { child, address, agent: agent.build().into() }
}

impl Node {
    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    fn get(&self, path: &str) -> (u16, String) {
        let mut answer = self.agent.get(self.url(path)).call().expect("an answer");
        (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(self.url(path)).header("Content-Type", "application/json");
        let mut answer = request.send(body.to_string()).expect("an answer");
        let text = answer.body_mut().read_to_string().expect("text");
        (answer.status().as_u16(), serde_json::from_str(&text).expect("JSON"))
    }

    fn wait(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let job: Value = serde_json::from_str(&self.get(path).1).expect("JSON");
            if is_so(&job) {
                return job;
            }
            assert!(since.elapsed() < Duration::from_mins(5), "{job}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn start(&self, body: &Value) -> String {
        let (status, job) = self.post("/api/jobs", body);
        assert_eq!(status, 202, "{job}");
        format!("/api/jobs/{}", job["id"].as_str().expect("an identifier"))
    }
}

#[test]
fn a_run_on_the_embedded_case_gives_what_the_command_line_gives() {
    let folder = folder("job-run");
    let node = serve(&folder, &[]);
    let settings = json!({"take_out": [{"asset": "cable.c-lion1", "from_h": 0, "to_h": 264}], "study": {"horizon_h": 720}});
    let path = node.start(&json!({"kind": "run", "settings": settings}));
    let mut events = String::new();
    let mut answer = node.agent.get(node.url(&format!("{path}/events"))).call().expect("events");
    answer.body_mut().as_reader().read_to_string(&mut events).expect("they end with the job");
    assert!(events.contains("event: progress\ndata: {\"stage\":\"case\"") || events.contains("\"stage\":\"scenario\""), "{events}");
    let (_, last) = events.trim_end().rsplit_once("data: ").expect("an event");
    let job: Value = serde_json::from_str(last).expect("the job");
    assert_eq!((&job["state"], &job["exit_code"]), (&json!("done"), &json!(0)), "{job}");
    assert_eq!(job["progress"], json!({"stage": "scenario", "done": 1, "of": 1}));
    let (status, result) = node.get(&format!("{path}/result/scenario.json"));
    assert_eq!(status, 200);

    let study = folder.0.join("study.toml");
    std::fs::write(&study, "start_month = 12\nhorizon_h = 720.0\nstorage_fill = 0.9\nseed = 1\n").expect("a study");
    let mut command = buttress();
    command.args(["run", "--take-out", "cable.c-lion1@0..264", "--json", "--study"]).arg(&study);
    let typed = command.output().expect("the binary runs");
    assert!(typed.status.success() && String::from_utf8_lossy(&typed.stdout) == result, "a job and the command line differ");

    let (status, again) = node.post("/api/jobs", &json!({"kind": "run", "settings": settings}));
    assert_eq!((status, &again["id"]), (200, &job["id"]));
    // The default study of the API is that of the program.
    let (plain, spelt) = (json!({"threat": "none-such"}), json!({"threat": "none-such", "study": {}}));
    for settings in [plain, spelt] {
        let path = node.start(&json!({"kind": "run", "settings": settings}));
        let job = node.wait(&path, |job| job["ended"].is_string());
        let why = job["error"].as_str().unwrap_or_default();
        assert!(job["state"] == "failed" && why.starts_with("error: no threat `none-such`") && !why.contains('/'), "{job}");
    }
}

#[test]
fn an_assessment_gives_its_report_and_the_default_study_is_the_programs() {
    let folder = folder("job-assess");
    let case = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases/by_hand_two_countries/case");
    let node = serve(&folder, &["--case", case]);
    let mut digests = Vec::new();
    for settings in [json!({}), json!({"study": {}})] {
        let path = node.start(&json!({"kind": "assess", "settings": settings}));
        let job = node.wait(&path, |job| job["ended"].is_string());
        assert_eq!(job["state"], "done", "{job}");
        let names: Vec<&str> = job["files"].as_array().expect("files").iter().filter_map(|file| file["name"].as_str()).collect();
        assert!(["assessment.json", "index.html", "summary.txt"].iter().all(|name| names.contains(name)), "{names:?}");
        let page = node.agent.get(node.url(&format!("{path}/result/index.html"))).call().expect("a page");
        let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("script-src 'sha256-") && !policy.contains("script-src 'unsafe"), "{policy}");
        let page = page.into_body().read_to_string().expect("text");
        assert_eq!(page.matches("<script").count(), 2, "the result as JSON, and the script that the policy knows");
        assert!(page.contains(&format!("<script>{}</script>", buttress::io::report::SCRIPT)));
        assert!(!page.contains(case) && !page.contains(&folder.0.display().to_string()), "the page names no place of the node");
        let file = job["files"].as_array().and_then(|files| files.iter().find(|file| file["name"] == "assessment.json"));
        digests.push(file.expect("a file")["sha256"].clone());
    }
    assert_eq!(digests[0], digests[1], "the default study of the API is that of the program");
}

/// Process of the program that works on a job.
fn worker(folder: &Folder, path: &str) -> u32 {
    let file = folder.0.join("jobs").join(path.rsplit('/').next().unwrap_or_default()).join("job.json");
    let kept: Value = serde_json::from_slice(&std::fs::read(file).expect("a job")).expect("JSON");
    u32::try_from(kept["child"]["pid"].as_u64().expect("a process")).expect("a process")
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[test]
fn a_node_that_is_killed_kills_what_it_left_and_goes_on() {
    let folder = folder("job-killed");
    let mut node = serve(&folder, &[]);
    let path = node.start(&json!({"kind": "assess"}));
    let is_running = |job: &Value| job["state"] == "running" && job["progress"].is_object();
    node.wait(&path, is_running);
    let left = worker(&folder, &path);
    node.child.kill().expect("a process");
    node.child.wait().expect("an end");
    assert!(is_alive(left));
    let mut node = serve(&folder, &[]);
    assert!(!is_alive(left));
    let job = node.wait(&path, is_running);
    assert_eq!(job["attempts"], 2);
    // Told to end, it takes its children along.
    let next = worker(&folder, &path);
    assert!(Command::new("kill").arg(node.child.id().to_string()).status().expect("kill runs").success());
    assert!(node.child.wait().expect("an end").success());
    assert!(!is_alive(next));
    let node = serve(&folder, &[]);
    node.wait(&path, is_running);
    assert_eq!(node.post(&format!("{path}/cancel"), &Value::Null).0, 202);
    let job = node.wait(&path, |job| job["ended"].is_string());
    assert_eq!((&job["state"], &job["attempts"]), (&json!("cancelled"), &json!(3)));
}

#[test]
fn an_account_starts_jobs_only_where_it_may() {
    let folder = folder("job-right");
    for (name, more) in [("may", &["--jobs"][..]), ("may-not", &[])] {
        let mut command = buttress();
        command.args(["node", "user", "add", name, "--password-stdin", "--data"]).arg(&folder.0).args(more);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
        child.stdin.take().expect("a pipe").write_all(b"a long password\n").expect("it is read");
        assert!(child.wait().expect("an end").success());
    }
    let listed = buttress().args(["node", "user", "list", "--json", "--data"]).arg(&folder.0).output().expect("the binary runs");
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!((&listed["users"][0]["jobs"], &listed["users"][1]["jobs"]), (&json!("yes"), &json!("no")));
    let node = serve(&folder, &[]);
    for (name, code, status) in [("may", "bWF5OmEgbG9uZyBwYXNzd29yZA==", 200), ("may-not", "bWF5LW5vdDphIGxvbmcgcGFzc3dvcmQ=", 403)] {
        let request = node.agent.get(node.url("/api/jobs")).header("Authorization", format!("Basic {code}"));
        assert_eq!(request.call().expect("an answer").status(), status, "{name}");
    }
    assert_eq!(node.get("/api/jobs").0, 401);
    assert_eq!(node.get("/api/health"), (200, "{\"alive\":true}".to_owned()));
}
