//! When each report is due: hours and months of NIS2 Art. 23(4) and CER Art. 15(1).
//!
//! - Hours run through nights and holidays and are counted exactly. Regulation 1182/71 Art. 3(1) would leave out the hour in
//!   which the event falls (recalled), up to 59 min more; that is not used, so a deadline here is never late for it.
//! - A month ends on the same date of the next month in the zone of the entity, or on that month's last day. Whether it ends at
//!   the same time or with the day, and whether it moves on from a Saturday, a Sunday or a holiday to the end of the next working
//!   day (Regulation 1182/71 Art. 3, recalled), is set for each state in [`StateRules`].
//! - A clock that starts from a report not yet made, or from an incident not yet handled, is [`State::Waiting`] and has no date.

use super::{Awareness, Cer, Duty, Law, Nis2};
use crate::Instant;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan, ZonedDateTime};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;

/// Most submissions and requests that one incident may have.
pub const MAX_EVENTS: usize = 10_000;
/// Most days that a deadline may be moved over rest days.
pub const MAX_REST_DAYS: usize = 366;

/// Why deadlines could not be worked out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// A date beyond the calendar.
    #[error("a period from {} ends beyond the year 9999; check the instant", .from.short())]
    OutOfRange {
        /// Start of the period.
        from: Instant,
    },
    /// A report made before anyone knew.
    #[error("event {index} ({what}) is at {}, before awareness at {}; correct one of the two", .at.short(), .aware.short())]
    BeforeAwareness {
        /// Position in the list it stands in, from 0.
        index: usize,
        /// What the event is.
        what: &'static str,
        /// When it was.
        at: Instant,
        /// When the entity became aware.
        aware: Instant,
    },
    /// More events than any incident has.
    #[error("found {found} submissions and requests, at most {MAX_EVENTS} are taken; split the incident")]
    TooManyEvents {
        /// How many there were.
        found: usize,
    },
    /// A holiday that is no date.
    #[error("the holiday {found:?} is no date; write it as 2026-12-06")]
    NoDate {
        /// What stands there.
        found: String,
    },
    /// The list of holidays leaves no working day.
    #[error("no working day within {MAX_REST_DAYS} days after {from}; shorten the list of holidays")]
    NoWorkingDay {
        /// The day the period ends on.
        from: Date,
    },
}

/// The time of day at which a month ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MonthEnd {
    /// At the time of day it began: the strict reading.
    SameTime,
    /// With the last hour of the day (Regulation 1182/71 Art. 3(2)(c), recalled).
    EndOfDay,
}

/// What happens when a month ends on a rest day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestDays {
    /// Nothing: the strict reading.
    Stand,
    /// It ends with the next day that is no Saturday, no Sunday and not listed (Regulation 1182/71 Art. 3(4), recalled).
    MoveToWorkingDay {
        /// Public holidays of the state.
        holidays: BTreeSet<Date>,
    },
}

/// What "one month thereafter" in CER Art. 15(1) counts from; the text leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CerMonth {
    /// From the submission of the initial notification.
    FromInitialNotification,
    /// From awareness: the strict reading.
    FromAwareness,
}

/// How one state counts; national law may differ from the Union's, so every point is set.
#[derive(Debug, Clone)]
pub struct StateRules {
    /// Time zone of the entity.
    pub zone: TimeZone,
    /// When on its last day a month ends.
    pub month_end: MonthEnd,
    /// What rest days do.
    pub rest_days: RestDays,
    /// What the month of CER counts from.
    pub cer_month: CerMonth,
}

impl StateRules {
    /// The reading under which no deadline is later than under any other: same time of day, rest days stand.
    pub fn strict(zone: TimeZone) -> Self {
        Self { zone, month_end: MonthEnd::SameTime, rest_days: RestDays::Stand, cer_month: CerMonth::FromAwareness }
    }

    /// The months of Regulation 1182/71 Art. 3 (recalled), that of CER counted from the initial notification.
    pub fn regulation_1182_71(zone: TimeZone, holidays: BTreeSet<Date>) -> Self {
        Self {
            zone,
            month_end: MonthEnd::EndOfDay,
            rest_days: RestDays::MoveToWorkingDay { holidays },
            cer_month: CerMonth::FromInitialNotification,
        }
    }

    /// The instant a whole number of hours later, in local time: 24 h are 24 h also when clocks change.
    pub fn hours_after(&self, from: Instant, hours: u16) -> Result<ZonedDateTime, ClockError> {
        let end = from.timestamp().checked_add(SignedDuration::from_hours(i64::from(hours)));
        Ok(end.map_err(|_| ClockError::OutOfRange { from })?.to_zoned_datetime(self.zone.clone()))
    }

    /// The end of one civil month from an instant, by the rules of the state.
    pub fn month_after(&self, from: Instant) -> Result<ZonedDateTime, ClockError> {
        let out = |_| ClockError::OutOfRange { from };
        let end = from.in_zone(&self.zone).checked_add(1.month()).map_err(out)?;
        let last_day = self.working_day_from(end.date())?;
        if last_day != end.date() {
            let moved = last_day.to_datetime(Time::midnight()).to_zoned_datetime(self.zone.clone()).map_err(out)?;
            return moved.end_of_day().map_err(out);
        }
        match self.month_end {
            MonthEnd::SameTime => Ok(end),
            MonthEnd::EndOfDay => end.end_of_day().map_err(out),
        }
    }

    fn working_day_from(&self, from: Date) -> Result<Date, ClockError> {
        let RestDays::MoveToWorkingDay { holidays } = &self.rest_days else { return Ok(from) };
        let mut day = from;
        for _ in 0..=MAX_REST_DAYS {
            if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !holidays.contains(&day) {
                return Ok(day);
            }
            day = day.tomorrow().map_err(|_| ClockError::NoWorkingDay { from })?;
        }
        Err(ClockError::NoWorkingDay { from })
    }
}

/// A report handed in; one paper that serves two duties is given twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The duty it serves.
    pub duty: Duty,
    /// When it was handed in.
    pub at: Instant,
    /// Who handed it in, if that was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A request by the authority or the CSIRT for an intermediate report (NIS2 Art. 23(4)(c)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// When it was made.
    pub at: Instant,
    /// When it wants the answer; the directive sets no time.
    #[serde(default)]
    pub answer_by: Option<Instant>,
}

/// A time in which the entity is operationally unable to notify (CER Art. 15(1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inability {
    /// When it began.
    pub from: Instant,
    /// When it ended, if it has.
    #[serde(default)]
    pub until: Option<Instant>,
}

/// What has happened since awareness; whatever lies after `now` counts as not yet happened, so a time line can be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// Reports handed in, in any order.
    pub submissions: Vec<Submission>,
    /// Requests for an intermediate report, in any order.
    pub requests: Vec<Request>,
    /// When the incident was handled; absent while it goes on.
    pub handled_at: Option<Instant>,
    /// When the entity was unable to notify, if it was.
    pub inability: Option<Inability>,
}

/// What a clock runs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Start {
    /// Awareness.
    Awareness,
    /// The submission of an earlier report.
    Submission {
        /// Which report.
        of: Duty,
        /// When it was handed in.
        at: Instant,
    },
    /// A request of the authority.
    Request {
        /// When it was made.
        at: Instant,
    },
    /// The handling of the incident.
    Handling {
        /// When it was handled.
        at: Instant,
    },
    /// A report that has not been handed in.
    AwaitedSubmission {
        /// Which report.
        of: Duty,
    },
    /// An incident that still goes on.
    AwaitedHandling,
}

/// Where a duty stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The clock has not started.
    Waiting,
    /// To be handed in.
    Open,
    /// Past its time while the entity is operationally unable to notify (CER Art. 15(1)).
    Excused,
    /// Past its time and not handed in.
    Missed,
    /// Handed in in time.
    Met {
        /// When.
        at: Instant,
    },
    /// Handed in too late.
    MetLate {
        /// When.
        at: Instant,
    },
}

/// One report that is owed, when it is due and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deadline {
    /// The directive.
    pub law: Law,
    /// The report.
    pub duty: Duty,
    /// The article that applied.
    pub article: &'static str,
    /// Who became aware.
    pub who: String,
    /// When they became aware.
    pub aware_at: Instant,
    /// What the clock runs from.
    pub runs: Start,
    /// The last moment in time, in the zone of the entity; absent where the law sets none or the clock waits.
    #[serde(serialize_with = "serialize_due")]
    pub due: Option<ZonedDateTime>,
    /// Where it stands.
    #[serde(flatten)]
    pub state: State,
    /// Who handed it in, if it was and that was noted.
    pub by: Option<String>,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due = self.due.as_ref().map_or_else(|| "no date set".to_owned(), local);
        let state = match self.state {
            State::Waiting => "waiting".to_owned(),
            State::Open => "open".to_owned(),
            State::Excused => "excused: unable to notify".to_owned(),
            State::Missed => "missed".to_owned(),
            State::Met { at } => format!("met {}", at.short()),
            State::MetLate { at } => format!("late {}", at.short()),
        };
        write!(f, "{due}  {}  {state}  ({})", self.duty.title(), self.article)
    }
}

/// The local time of a deadline with its offset, to the second.
pub fn local(due: &ZonedDateTime) -> String {
    due.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Writes a local time with its offset, or null.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn serialize_due<S: Serializer>(due: &Option<ZonedDateTime>, to: S) -> Result<S::Ok, S::Error> {
    match due {
        Some(due) => to.serialize_some(&local(due)),
        None => to.serialize_none(),
    }
}

/// What is owed at `now` for one incident, NIS2 and CER side by side, by due time; what has no date stands last.
///
/// Empty before awareness. A final report handed in while the incident goes on counts as the progress report of NIS2
/// Art. 23(4)(e); a progress report handed in before its day counts. While an incident goes on, what is due a month after the
/// notification is shown as the progress report; once it is handled in time, as the final report (d).
pub fn deadlines(awareness: &Awareness, history: &History, rules: &StateRules, now: Instant) -> Result<Vec<Deadline>, ClockError> {
    check(awareness, history)?;
    if now < awareness.at {
        return Ok(Vec::new());
    }
    let view = View { awareness, history, rules, now };
    let mut list = Vec::new();
    if let Some(nis2) = awareness.nis2 {
        view.nis2(nis2, &mut list)?;
    }
    if let Some(cer) = awareness.cer.filter(|_| awareness.sector.owes_cer_reports()) {
        view.cer(cer, &mut list)?;
    }
    list.sort_by_key(|d| (d.due.is_none(), d.due.as_ref().map(ZonedDateTime::timestamp), d.law, d.duty));
    Ok(list)
}

fn check(awareness: &Awareness, history: &History) -> Result<(), ClockError> {
    let found = history.submissions.len() + history.requests.len();
    if found > MAX_EVENTS {
        return Err(ClockError::TooManyEvents { found });
    }
    let submissions = history.submissions.iter().map(|s| (s.duty.title(), s.at)).enumerate();
    let requests = history.requests.iter().map(|r| ("request", r.at)).enumerate();
    let aware = awareness.at;
    match submissions.chain(requests).find(|(_, (_, at))| *at < aware) {
        Some((index, (what, at))) => Err(ClockError::BeforeAwareness { index, what, at, aware }),
        None => Ok(()),
    }
}

const TRUST: &str = "Directive (EU) 2022/2555 Art. 23(4), second subparagraph";
const AFTER_PROGRESS: &str = "Directive (EU) 2022/2555 Art. 23(4)(e)";

/// One incident as it was known at `now`.
struct View<'a> {
    awareness: &'a Awareness,
    history: &'a History,
    rules: &'a StateRules,
    now: Instant,
}

impl View<'_> {
    fn nis2(&self, nis2: Nis2, list: &mut Vec<Deadline>) -> Result<(), ClockError> {
        let aware = self.awareness.at;
        let warning = self.rules.hours_after(aware, 24)?;
        list.push(self.deadline(Duty::EarlyWarning, Start::Awareness, Some(warning), self.first(Duty::EarlyWarning, aware)));

        let (hours, article) = match nis2 {
            Nis2::Entity => (72, Duty::Notification.article()),
            Nis2::TrustService => (24, TRUST),
        };
        let notified = self.first(Duty::Notification, aware);
        let due = self.rules.hours_after(aware, hours)?;
        list.push(Deadline { article, ..self.deadline(Duty::Notification, Start::Awareness, Some(due), notified) });

        self.intermediate(list);
        if let Some(at) = notified {
            return self.final_reports(at, list);
        }
        let start = Start::AwaitedSubmission { of: Duty::Notification };
        list.push(self.deadline(Duty::FinalReport, start, None, self.first(Duty::FinalReport, aware)));
        Ok(())
    }

    /// One intermediate report for each request, each report answering one request.
    fn intermediate(&self, list: &mut Vec<Deadline>) {
        let mut requests: Vec<Request> = self.history.requests.iter().copied().filter(|r| r.at <= self.now).collect();
        requests.sort_by_key(|r| r.at);
        let mut answers: Vec<Instant> = self.all(Duty::IntermediateReport).collect();
        answers.sort_unstable();
        let mut answers = answers.into_iter().peekable();
        for request in requests {
            while answers.next_if(|at| *at < request.at).is_some() {}
            let due = request.answer_by.map(|by| by.in_zone(&self.rules.zone));
            list.push(self.deadline(Duty::IntermediateReport, Start::Request { at: request.at }, due, answers.next()));
        }
    }

    /// Art. 23(4)(d) when the incident is over at the final report, (e) when it still goes on.
    fn final_reports(&self, notified: Instant, list: &mut Vec<Deadline>) -> Result<(), ClockError> {
        let start = Start::Submission { of: Duty::Notification, at: notified };
        let due = self.rules.month_after(notified)?;
        let handed_in = self.first(Duty::FinalReport, self.awareness.at);
        let limit = Instant::from(due.timestamp());
        let looked_at = handed_in.map_or(limit, |at| at.min(limit));
        let handled = self.history.handled_at.filter(|at| *at <= self.now);
        if handled.is_some_and(|at| at <= looked_at) {
            list.push(self.deadline(Duty::FinalReport, start, Some(due), handed_in));
            return Ok(());
        }
        let progress = self.first(Duty::ProgressReport, self.awareness.at).into_iter().chain(handed_in).min();
        list.push(self.deadline(Duty::ProgressReport, start, Some(due), progress));
        let last = match handled {
            Some(at) => {
                let due = self.rules.month_after(at)?;
                self.deadline(Duty::FinalReport, Start::Handling { at }, Some(due), self.first(Duty::FinalReport, at))
            }
            None => self.deadline(Duty::FinalReport, Start::AwaitedHandling, None, None),
        };
        list.push(Deadline { article: AFTER_PROGRESS, ..last });
        Ok(())
    }

    fn cer(&self, cer: Cer, list: &mut Vec<Deadline>) -> Result<(), ClockError> {
        let aware = self.awareness.at;
        let notified = self.first(Duty::InitialNotification, aware);
        list.push(self.initial(notified)?);
        if cer == Cer::InitialOnly {
            return Ok(());
        }
        let (start, from) = match (self.rules.cer_month, notified) {
            (CerMonth::FromAwareness, _) => (Start::Awareness, Some(aware)),
            (CerMonth::FromInitialNotification, Some(at)) => (Start::Submission { of: Duty::InitialNotification, at }, Some(at)),
            (CerMonth::FromInitialNotification, None) => (Start::AwaitedSubmission { of: Duty::InitialNotification }, None),
        };
        let due = from.map(|at| self.rules.month_after(at)).transpose()?;
        list.push(self.deadline(Duty::DetailedReport, start, due, self.first(Duty::DetailedReport, aware)));
        Ok(())
    }

    /// The 24 h of CER; an inability that covers their end holds them open until it ends, since the article names no new time.
    fn initial(&self, notified: Option<Instant>) -> Result<Deadline, ClockError> {
        let limit = self.rules.hours_after(self.awareness.at, 24)?;
        let limit_at = Instant::from(limit.timestamp());
        let plain = |due| self.deadline(Duty::InitialNotification, Start::Awareness, Some(due), notified);
        let unable = self.history.inability.filter(|i| i.from <= limit_at && i.from <= self.now);
        let Some(unable) = unable else { return Ok(plain(limit)) };
        match unable.until.filter(|until| *until <= self.now) {
            Some(until) if until > limit_at => Ok(plain(until.in_zone(&self.rules.zone))),
            Some(_) => Ok(plain(limit)),
            None => {
                let mut deadline = plain(limit);
                deadline.state = match deadline.state {
                    State::Missed => State::Excused,
                    State::MetLate { at } => State::Met { at },
                    other => other,
                };
                Ok(deadline)
            }
        }
    }

    fn deadline(&self, duty: Duty, runs: Start, due: Option<ZonedDateTime>, met: Option<Instant>) -> Deadline {
        let limit = due.as_ref().map(|due| Instant::from(due.timestamp()));
        let state = match (limit, met) {
            (Some(limit), Some(at)) if at > limit => State::MetLate { at },
            (_, Some(at)) => State::Met { at },
            (Some(limit), None) if self.now > limit => State::Missed,
            (None, None) if matches!(runs, Start::AwaitedSubmission { .. } | Start::AwaitedHandling) => State::Waiting,
            (_, None) => State::Open,
        };
        let Awareness { who, at, .. } = self.awareness;
        let by = met.and_then(|at| self.handed_in_by(duty, at));
        Deadline { law: duty.law(), duty, article: duty.article(), who: who.clone(), aware_at: *at, runs, due, state, by }
    }

    /// Who handed in the report that met a duty; a final report may stand for a progress report.
    fn handed_in_by(&self, duty: Duty, at: Instant) -> Option<String> {
        let serves = |d: Duty| d == duty || (duty, d) == (Duty::ProgressReport, Duty::FinalReport);
        self.history.submissions.iter().filter(|s| s.at == at && serves(s.duty)).find_map(|s| s.by.clone())
    }

    fn all(&self, duty: Duty) -> impl Iterator<Item = Instant> {
        self.history.submissions.iter().filter(move |s| s.duty == duty && s.at <= self.now).map(|s| s.at)
    }

    /// The first report of a kind from an instant on.
    fn first(&self, duty: Duty, from: Instant) -> Option<Instant> {
        self.all(duty).filter(|at| *at >= from).min()
    }
}
