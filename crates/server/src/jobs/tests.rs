//! The supervisor with a stand-in for the program.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use super::job::ChildMark;
use super::*;

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A folder of its own that goes with its test.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn place() -> Place {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    Place(std::env::temp_dir().join(format!("buttress-jobs-{}-{number}", std::process::id())))
}

fn workshop(place: &Place, bounds: Bounds) -> Workshop {
    Workshop {
        folder: place.0.clone(),
        program: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_program.sh"),
        version: "1".into(),
        case: None,
        case_digest: Box::new(|| Ok("case".into())),
        bounds,
    }
}

fn open(place: &Place) -> Jobs {
    Jobs::open(workshop(place, Bounds::default())).unwrap()
}

fn question(threat: &str) -> Question {
    Question::Run(RunSettings { threat: Some(threat.into()), ..RunSettings::default() })
}

fn ask(jobs: &Jobs, threat: &str) -> Job {
    match jobs.ask("fi", question(threat), Wanted::Any).unwrap() {
        Asked::New(job) => job,
        Asked::Known(job) => panic!("{job:?}"),
    }
}

/// Waits until a job is as it should be.
fn wait(jobs: &Jobs, id: &str, is_so: impl Fn(&Job) -> bool) -> Job {
    let since = Instant::now();
    loop {
        let job = jobs.get("fi", id).unwrap();
        if is_so(&job) {
            return job;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{job:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn end(jobs: &Jobs, id: &str) -> Job {
    wait(jobs, id, |job| job.state.is_end())
}

/// Number of the process that the program started.
fn grandchild(place: &Place, id: &str) -> u32 {
    let path = place.0.join(id).join("grandchild");
    let since = Instant::now();
    loop {
        if let Some(pid) = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()) {
            return pid;
        }
        assert!(since.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[test]
fn a_job_runs_to_its_result_which_answers_the_same_question_again() {
    let place = place();
    let jobs = open(&place);
    let job = ask(&jobs, "quick");
    let done = end(&jobs, &job.id);
    assert_eq!((done.state, done.exit_code, done.attempts, done.error.as_deref()), (State::Done, Some(0), 1, None));
    let names: Vec<&str> = done.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["arguments.txt", "index.html", "scenario.json"]);
    // sha256 of `{"answer":42}` and a line break, by sha256sum.
    assert_eq!(
        (done.files[2].bytes, done.files[2].sha256.as_str()),
        (14, "7df4c3a5d2d577e3d08a941a2c77ba83defcee03618320b2e3643854336df3e4")
    );
    assert_eq!(done.progress.as_ref().map(|p| p.stage.as_str()), Some("one"));
    assert_eq!(jobs.ask("fi", question("quick"), Wanted::Any).unwrap(), Asked::Known(done.clone()));
    for (account, threat, wanted) in [("se", "quick", Wanted::Any), ("fi", "quick", Wanted::Fresh), ("fi", "quick2", Wanted::Any)] {
        assert!(matches!(jobs.ask(account, question(threat), wanted).unwrap(), Asked::New(_)), "{account} {threat}");
    }
    assert!(matches!(jobs.get("se", &job.id), Err(JobError::Unknown)));
    drop(jobs);
    let other = Workshop { case_digest: Box::new(|| Ok("another case".into())), ..workshop(&place, Bounds::default()) };
    let jobs = Jobs::open(other).unwrap();
    assert_eq!(jobs.get("fi", &job.id).unwrap(), Job { progress: None, ..done });
    assert!(matches!(jobs.ask("fi", question("quick"), Wanted::Any).unwrap(), Asked::New(_)), "another case, another answer");
}

#[test]
fn cancelling_kills_what_the_program_started_and_the_job_can_be_resumed() {
    let place = place();
    let jobs = open(&place);
    let job = ask(&jobs, "slow");
    let pid = grandchild(&place, &job.id);
    assert!(is_alive(pid));
    let since = Instant::now();
    jobs.cancel("fi", &job.id).unwrap();
    let cancelled = end(&jobs, &job.id);
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!((cancelled.state, cancelled.files.len()), (State::Cancelled, 0));
    assert!(!is_alive(pid));
    assert!(matches!(jobs.cancel("fi", &job.id), Err(JobError::State { .. })));
    let job = ask(&jobs, "once");
    wait(&jobs, &job.id, |j| j.state == State::Running && j.progress.is_some());
    jobs.cancel("fi", &job.id).unwrap();
    let cancelled = end(&jobs, &job.id);
    assert_eq!(jobs.resume("fi", &job.id).unwrap().state, State::Queued);
    let done = end(&jobs, &job.id);
    assert_eq!((done.state, done.attempts), (State::Done, 2));
    assert_eq!(done.digest, cancelled.digest);
    assert!(matches!(jobs.resume("fi", &job.id), Err(JobError::State { .. })));
}

#[test]
fn a_program_that_ends_leaves_nothing_behind() {
    let place = place();
    let jobs = open(&place);
    let job = ask(&jobs, "leaves");
    assert_eq!(end(&jobs, &job.id).state, State::Done);
    let pid = grandchild(&place, &job.id);
    let since = Instant::now();
    while is_alive(pid) {
        assert!(since.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_failure_says_why_and_bounds_are_held() {
    let place = place();
    let bounds = Bounds { time: Duration::from_secs(2), bytes: 1 << 20, ..Bounds::default() };
    let jobs = Jobs::open(workshop(&place, bounds)).unwrap();
    for (threat, code, why) in [
        ("fails", Some(2), "error: no threat `fails`"),
        ("slow", None, "it took longer than 2 s"),
        ("big", None, "it wrote more than 1048576 bytes"),
    ] {
        let failed = end(&jobs, &ask(&jobs, threat).id);
        assert_eq!((failed.state, failed.exit_code, failed.error.as_deref()), (State::Failed, code, Some(why)));
        assert!(!place.0.join(&failed.id).join("result").exists());
    }
    assert_eq!(end(&jobs, &ask(&jobs, "other").id).exit_code, Some(1), "done with findings");
}

#[test]
fn the_queue_is_bounded_and_runs_in_order() {
    let place = place();
    let jobs = Jobs::open(workshop(&place, Bounds { queue: 2, ..Bounds::default() })).unwrap();
    let first = ask(&jobs, "slow");
    wait(&jobs, &first.id, |job| job.state == State::Running);
    let (second, third) = (ask(&jobs, "quick2"), ask(&jobs, "quick3"));
    assert!(matches!(jobs.ask("se", question("quick4"), Wanted::Any), Err(JobError::Full)));
    assert_eq!(jobs.get("fi", &second.id).unwrap().state, State::Queued);
    assert_eq!(jobs.cancel("fi", &third.id).unwrap().state, State::Cancelled);
    jobs.cancel("fi", &first.id).unwrap();
    assert_eq!(end(&jobs, &second.id).state, State::Done);
    jobs.resume("fi", &third.id).unwrap();
    assert_eq!(end(&jobs, &third.id).state, State::Done);
    let ids: Vec<String> = jobs.list("fi").into_iter().map(|job| job.id).collect();
    assert_eq!(ids, [third.id, second.id, first.id]);
}

#[test]
fn two_jobs_run_at_a_time_where_two_may() {
    let place = place();
    let jobs = Jobs::open(workshop(&place, Bounds { at_a_time: 2, ..Bounds::default() })).unwrap();
    let (slow, quick) = (ask(&jobs, "slow"), ask(&jobs, "quick"));
    assert_eq!(end(&jobs, &quick.id).state, State::Done);
    assert_eq!(jobs.get("fi", &slow.id).unwrap().state, State::Running);
}

#[test]
fn a_node_that_stops_interrupts_its_jobs_and_takes_them_up_again() {
    let place = place();
    let jobs = open(&place);
    let job = ask(&jobs, "once");
    wait(&jobs, &job.id, |j| j.progress.is_some());
    assert!(matches!(Jobs::open(workshop(&place, Bounds::default())), Err(JobError::InUse(_))));
    jobs.stop();
    assert_eq!(jobs.get("fi", &job.id).unwrap().state, State::Interrupted);
    drop(jobs);
    let jobs = open(&place);
    let done = end(&jobs, &job.id);
    assert_eq!((done.state, done.attempts, &done.digest), (State::Done, 2, &job.digest));
}

/// A job as a node leaves it that is killed.
fn leave_running(place: &Place, threat: &str, crashes: u32, child: Option<ChildMark>) -> String {
    let jobs = open(place);
    let job = ask(&jobs, "slow-to-begin-with");
    jobs.stop();
    let job = Job { state: State::Running, question: question(threat), ..job };
    folder::write(&place.0.join(&job.id), &Kept { job: job.clone(), child, crashes }).unwrap();
    job.id
}

#[test]
fn a_child_that_a_killed_node_left_is_killed_and_no_other_process() {
    let mut sleeps: Vec<std::process::Child> = Vec::new();
    for right_start in [true, false] {
        let place = place();
        let child = Command::new("sleep").arg("300").process_group(0).stdin(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let start: u64 = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned();
        let start = if right_start { start } else { start + 1 };
        let id = leave_running(&place, "quick", 0, Some(ChildMark { pid: i32::try_from(pid).unwrap(), start, boot }));
        let jobs = open(&place);
        assert_eq!(is_alive(pid), !right_start);
        assert_eq!(end(&jobs, &id).state, State::Done, "it goes on by itself");
        sleeps.push(child);
    }
    for mut child in sleeps {
        let _ = child.kill();
        child.wait().unwrap();
    }
}

#[test]
fn a_job_that_ends_the_node_again_and_again_waits_for_its_account() {
    let place = place();
    let id = leave_running(&place, "quick", CRASHES - 1, None);
    for _ in 0..2 {
        let jobs = open(&place);
        std::thread::sleep(Duration::from_millis(100));
        let job = jobs.get("fi", &id).unwrap();
        assert_eq!((job.state, job.error.as_deref()), (State::Interrupted, Some("the node ended 3 times while it ran")));
    }
    let jobs = open(&place);
    jobs.resume("fi", &id).unwrap();
    assert_eq!(end(&jobs, &id).state, State::Done);
}

#[test]
fn what_is_old_or_too_much_is_removed() {
    let place = place();
    let bounds = Bounds { of_account: 3, ..Bounds::default() };
    let jobs = Jobs::open(workshop(&place, bounds.clone())).unwrap();
    let ids: Vec<String> = (0..5).map(|k| end(&jobs, &ask(&jobs, &format!("quick{k}")).id).id).collect();
    let left: Vec<String> = jobs.list("fi").into_iter().map(|job| job.id).rev().collect();
    assert_eq!(left, ids[2..]);
    assert!(!place.0.join(&ids[0]).exists() && place.0.join(&ids[2]).exists());
    jobs.remove("fi", &ids[2]).unwrap();
    assert!(matches!(jobs.get("fi", &ids[2]), Err(JobError::Unknown)));
    let slow = ask(&jobs, "slow");
    assert!(matches!(jobs.remove("fi", &slow.id), Err(JobError::State { .. })));
    jobs.cancel("fi", &slow.id).unwrap();
    end(&jobs, &slow.id);
    drop(jobs);
    let bounds = Bounds { keep: Duration::ZERO, ..bounds };
    let jobs = Jobs::open(workshop(&place, bounds)).unwrap();
    let since = Instant::now();
    while !jobs.list("fi").is_empty() {
        assert!(since.elapsed() < Duration::from_secs(10));
    }
    let folders = std::fs::read_dir(&place.0).unwrap().filter(|e| e.as_ref().unwrap().path().is_dir()).count();
    assert_eq!(folders, 0);
}

#[test]
fn events_are_heard_again_from_where_one_was() {
    let place = place();
    let jobs = open(&place);
    let job = ask(&jobs, "steps");
    wait(&jobs, &job.id, |j| j.progress.as_ref().is_some_and(|p| p.stage == "two" && p.done >= 3));
    let heard = jobs.hear("fi", &job.id, None).unwrap().unwrap();
    let [now] = heard.first.as_slice() else { panic!("{:?}", heard.first) };
    assert!(now.name == "job" && now.data.contains("\"stage\":\"two\""), "{now:?}");
    let mut live = heard.live.unwrap();
    let (mut ids, mut last) = (vec![now.id], now.clone());
    while let Ok(event) = live.blocking_recv() {
        ids.push(event.id);
        last = event;
    }
    assert!(ids.len() > 5 && ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert!(last.name == "job" && last.data.contains("\"state\":\"done\""), "{last:?}");
    // Whoever heard the end hears no more; whoever missed it hears it, also from a node that was started again.
    assert!(jobs.hear("fi", &job.id, Some(last.id)).unwrap().is_none());
    let again = jobs.hear("fi", &job.id, Some(ids[2])).unwrap().unwrap();
    assert!(again.live.is_none() && again.first.last() == Some(&last));
    assert!(matches!(jobs.hear("se", &job.id, None), Err(JobError::Unknown)));
    drop(jobs);
    let again = open(&place).hear("fi", &job.id, Some(ids[2])).unwrap().unwrap();
    assert!(again.live.is_none() && again.first[0].data.contains("\"state\":\"done\""));
}

#[test]
fn a_short_absence_misses_no_event_and_a_long_one_gets_the_job() {
    let place = place();
    let jobs = open(&place);
    let mut job = ask(&jobs, "slow");
    job.state = State::Running;
    let mut feed = Feed::new(&job);
    let begin = feed.hear(&job, None).unwrap().first[0].id;
    for done in 0..10 {
        job.progress = Some(Progress { stage: "s".into(), done, of: 1000 });
        feed.tell_progress(&job);
    }
    let missed = feed.hear(&job, Some(begin)).unwrap().first;
    assert_eq!(missed.len(), 10);
    assert_eq!(feed.hear(&job, Some(missed[6].id)).unwrap().first, missed[7..]);
    let slow = feed.hear(&job, None).unwrap();
    (0..200).for_each(|_| feed.tell_progress(&job));
    let gap = feed.hear(&job, Some(begin)).unwrap().first;
    assert!(gap.len() == 1 && gap[0].name == "job");
    let mut live = slow.live.unwrap();
    let lagged = live.blocking_recv();
    assert!(matches!(lagged, Err(tokio::sync::broadcast::error::RecvError::Lagged(_))), "a slow listener is left behind");
}
