//! The program as a child process: a group of its own, watched and killed as a group, and told from a stranger after a restart.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::job::{ChildMark, Progress};

/// How long to wait for a killed process of an earlier life.
const LAST_BREATH: Duration = Duration::from_secs(2);
/// Most that is read of the progress at a time, and longest line, bytes.
const CHUNK: usize = 64 * 1024;

/// A child that is being watched.
pub(super) struct Running {
    child: Child,
    group: Pid,
    progress: Tail,
    began: Instant,
}

impl Running {
    /// Starts a program in a folder, without environment or input.
    pub(super) fn start(program: &Path, arguments: &[String], folder: &Path, (out, err): (File, File)) -> io::Result<Running> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).env_clear().process_group(0);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn()?;
        let group = Pid::from_child(&child);
        Ok(Running { child, group, progress: Tail::default(), began: Instant::now() })
    }

    /// What tells this child from a later process.
    pub(super) fn mark(&self) -> Option<ChildMark> {
        let pid = self.group.as_raw_nonzero().get();
        let (start, _) = start_and_state(pid)?;
        Some(ChildMark { pid, start, boot: boot()? })
    }

    /// How long it has been running.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether it has ended. It is not reaped yet, so that its number stays its own until the group is killed.
    pub(super) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        !matches!(waitid(WaitId::Pid(self.group), options), Ok(None))
    }

    /// What it has told of its progress since it was last asked.
    pub(super) fn progress(&mut self, path: &Path) -> Option<Progress> {
        self.progress.read(path)
    }

    /// Kills whatever is left of the group and reaps the child.
    pub(super) fn end(mut self) -> io::Result<ExitStatus> {
        // A group that has gone already is what is wanted.
        let _ = kill_process_group(self.group, Signal::KILL);
        self.child.wait()
    }
}

/// How a child ended, as an exit code or in words.
pub(super) fn ending(status: ExitStatus) -> Result<i32, String> {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ok(code),
        (None, signal) => Err(format!("the program was ended by signal {}", signal.unwrap_or(0))),
    }
}

/// Start and state of a process: fields 22 and 3 of `/proc/PID/stat`, after the name in brackets, which may hold anything.
fn start_and_state(pid: i32) -> Option<(u64, char)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(19)?.parse().ok()?, fields.first()?.chars().next()?))
}

fn boot() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|text| text.trim().to_owned())
}

/// Kills the group of a child that an earlier life of the node left, if it is still that child.
pub(super) fn kill_left_over(mark: &ChildMark) {
    let is_it =
        || boot().as_ref() == Some(&mark.boot) && start_and_state(mark.pid).is_some_and(|(start, s)| start == mark.start && s != 'Z');
    let Some(group) = Pid::from_raw(mark.pid).filter(|_| is_it()) else { return };
    let _ = kill_process_group(group, Signal::KILL);
    let since = Instant::now();
    while is_it() && since.elapsed() < LAST_BREATH {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The lines that a program adds to a file.
#[derive(Default)]
struct Tail {
    file: Option<File>,
    rest: Vec<u8>,
}

impl Tail {
    /// The last whole line added since the last call that tells of progress.
    fn read(&mut self, path: &Path) -> Option<Progress> {
        if self.file.is_none() {
            self.file = File::open(path).ok();
        }
        let file = self.file.as_mut()?;
        file.take(CHUNK as u64).read_to_end(&mut self.rest).ok()?;
        let Some(end) = self.rest.iter().rposition(|&b| b == b'\n') else {
            if self.rest.len() >= CHUNK {
                self.rest.clear();
            }
            return None;
        };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        whole.split(|&b| b == b'\n').rev().find_map(|line| serde_json::from_slice(line).ok())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn progress_is_read_line_by_line_and_half_a_line_waits() {
        let path = std::env::temp_dir().join(format!("buttress-tail-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        let mut tail = Tail::default();
        let mut step = |text: &str| {
            file.write_all(text.as_bytes()).unwrap();
            tail.read(&path).map(|p| (p.stage, p.done, p.of))
        };
        assert_eq!(step(""), None);
        assert_eq!(step("{\"stage\":\"a\",\"done\":1,\"of\":2}\n{\"stage\":\"a\",\"done\":2,\"of\":2}\n{\"sta"), Some(("a".into(), 2, 2)));
        assert_eq!(step(""), None);
        assert_eq!(step("ge\":\"b\",\"done\":0,\"of\":9}\n"), Some(("b".into(), 0, 9)));
        assert_eq!(step("nonsense\n"), None);
        assert_eq!(step(&"x".repeat(3 * CHUNK)), None);
        assert!(tail.rest.len() <= 2 * CHUNK);
        std::fs::remove_file(&path).unwrap();
    }
}
