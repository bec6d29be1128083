//! Two network namespaces joined by a cable (a veth pair) that can be cut and slowed; the loopback where that may not be.

use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::node::finish;

/// Time that a command of the system may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs a command of the system; whether it did what it was told.
fn did(line: &str) -> bool {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap_or(""));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok_and(|mut child| finish(&mut child, LIMIT).is_some_and(|status| status.success()))
}

/// What lies between the two nodes.
pub struct Link {
    /// Names of the namespaces; none on the loopback.
    spaces: Option<[String; 2]>,
}

impl Drop for Link {
    fn drop(&mut self) {
        for space in self.spaces.iter().flatten() {
            did(&format!("ip netns del {space}"));
        }
    }
}

impl Link {
    /// The cable, or the loopback where the system lets us lay none.
    pub fn new() -> Link {
        let names = ["a", "b"].map(|side| format!("buttress-{}-{side}", std::process::id()));
        let [a, b] = &names;
        let mut lines = vec![format!("ip netns add {a}"), format!("ip netns add {b}")];
        lines.push(format!("ip link add cable netns {a} type veth peer name cable netns {b}"));
        for (n, name) in (1..).zip(&names) {
            lines.push(format!("ip -n {name} addr add 10.77.0.{n}/24 dev cable"));
            lines.push(format!("ip -n {name} link set lo up"));
            lines.push(format!("ip -n {name} link set cable up"));
        }
        let link = Link { spaces: Some(names.clone()) };
        if let Some(line) = lines.iter().find(|line| !did(line)) {
            println!("no namespaces (`{line}` failed): over the loopback, where only the proxies disturb");
            drop(link);
            return Link { spaces: None };
        }
        link
    }

    /// Whether there is a cable.
    pub fn is_cable(&self) -> bool {
        self.spaces.is_some()
    }

    /// Address of a side.
    pub fn ip(&self, side: usize) -> String {
        if self.is_cable() { format!("10.77.0.{}", side + 1) } else { "127.0.0.1".to_owned() }
    }

    /// Brings this thread, and what it starts, to a side.
    pub fn enter(&self, side: usize) {
        if let Some(spaces) = &self.spaces {
            let file = std::fs::File::open(format!("/run/netns/{}", spaces[side])).expect("a namespace");
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("a thread moves into a namespace");
        }
    }

    /// Does something at a side.
    pub fn at<T: Send>(&self, side: usize, what: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.enter(side);
                what()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn each(&self, line: impl Fn(&str) -> String) -> bool {
        self.spaces.iter().flatten().all(|space| did(&line(space)))
    }

    /// Pulls one end of the cable out.
    pub fn cut(&self, side: usize) {
        if let Some(spaces) = &self.spaces {
            assert!(did(&format!("ip -n {} link set cable down", spaces[side])), "the cable is cut");
        }
    }

    /// Puts the cable in again.
    pub fn join(&self) {
        assert!(self.each(|space| format!("ip -n {space} link set cable up")), "the cable is joined");
    }

    /// Lets only so much through; whether the system can.
    pub fn slow(&self, kbit: u64) -> bool {
        self.each(|space| format!("tc -n {space} qdisc replace dev cable root tbf rate {kbit}kbit burst 16kb latency 300ms"))
    }

    /// Lets everything through again.
    pub fn quicken(&self) {
        self.each(|space| format!("tc -n {space} qdisc del dev cable root"));
    }
}
