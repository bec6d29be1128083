//! How each member state of the Union counts: its zone, its public holidays, and what it sets otherwise.
//!
//! The holidays are recalled, and only those are here that the whole state keeps and that have stood for long; moved, new and
//! regional ones are left out. What is left out makes a deadline earlier, never later. A state that has set something else is
//! described by [`Settings`].

use super::clock::{CerMonth, ClockError, MonthEnd, RestDays, StateRules};
use super::significance::StateThresholds;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Years after awareness for which holidays are listed: longer than any incident is handled.
const YEARS: i16 = 6;

/// A state of the Union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// ISO 3166-1 alpha-2.
    pub code: &'static str,
    /// Its name in English.
    pub name: &'static str,
    /// Time zone of its capital in the tz database.
    pub zone: &'static str,
    /// Holidays on a date, as (month, day).
    fixed: &'static [(i8, i8)],
    /// Holidays by days after Easter Sunday.
    moving: &'static [i16],
    /// Whose Easter.
    easter: Easter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Easter {
    Western,
    Orthodox,
}

/// The day before Good Friday, Good Friday, Easter Monday, Ascension, Whit Monday, Corpus Christi; the Monday before Lent.
const MAUNDY: i16 = -3;
const FRIDAY: i16 = -2;
const MONDAY: i16 = 1;
const ASCENSION: i16 = 39;
const WHIT: i16 = 50;
const CORPUS: i16 = 60;
const CLEAN: i16 = -48;

macro_rules! states {
    ($($code:literal $name:literal $zone:literal $easter:ident [$($month:literal - $day:literal),*] [$($moving:ident),*];)*) => {
        &[$(State { code: $code, name: $name, zone: $zone, fixed: &[$(($month, $day)),*], moving: &[$($moving),*], easter: Easter::$easter }),*]
    };
}

/// The 27 member states, by code.
pub const ALL: &[State] = states! {
    "AT" "Austria" "Europe/Vienna" Western [1-1, 1-6, 5-1, 8-15, 10-26, 11-1, 12-8, 12-25, 12-26] [MONDAY, ASCENSION, WHIT, CORPUS];
    "BE" "Belgium" "Europe/Brussels" Western [1-1, 5-1, 7-21, 8-15, 11-1, 11-11, 12-25] [MONDAY, ASCENSION, WHIT];
    "BG" "Bulgaria" "Europe/Sofia" Orthodox [1-1, 3-3, 5-1, 5-6, 5-24, 9-6, 9-22, 12-24, 12-25, 12-26] [FRIDAY, MONDAY];
    "CY" "Cyprus" "Asia/Nicosia" Orthodox [1-1, 1-6, 3-25, 4-1, 5-1, 8-15, 10-1, 10-28, 12-25, 12-26] [CLEAN, FRIDAY, MONDAY, WHIT];
    "CZ" "Czechia" "Europe/Prague" Western
        [1-1, 5-1, 5-8, 7-5, 7-6, 9-28, 10-28, 11-17, 12-24, 12-25, 12-26] [FRIDAY, MONDAY];
    "DE" "Germany" "Europe/Berlin" Western [1-1, 5-1, 10-3, 12-25, 12-26] [FRIDAY, MONDAY, ASCENSION, WHIT];
    "DK" "Denmark" "Europe/Copenhagen" Western [1-1, 12-25, 12-26] [MAUNDY, FRIDAY, MONDAY, ASCENSION, WHIT];
    "EE" "Estonia" "Europe/Tallinn" Western [1-1, 2-24, 5-1, 6-23, 6-24, 8-20, 12-24, 12-25, 12-26] [FRIDAY];
    "ES" "Spain" "Europe/Madrid" Western [1-1, 5-1, 8-15, 10-12, 11-1, 12-6, 12-8, 12-25] [FRIDAY];
    "FI" "Finland" "Europe/Helsinki" Western [1-1, 1-6, 5-1, 12-6, 12-25, 12-26] [FRIDAY, MONDAY, ASCENSION];
    "FR" "France" "Europe/Paris" Western [1-1, 5-1, 5-8, 7-14, 8-15, 11-1, 11-11, 12-25] [MONDAY, ASCENSION, WHIT];
    "GR" "Greece" "Europe/Athens" Orthodox [1-1, 1-6, 3-25, 8-15, 10-28, 12-25, 12-26] [CLEAN, FRIDAY, MONDAY, WHIT];
    "HR" "Croatia" "Europe/Zagreb" Western
        [1-1, 1-6, 5-1, 5-30, 6-22, 8-5, 8-15, 11-1, 11-18, 12-25, 12-26] [MONDAY, CORPUS];
    "HU" "Hungary" "Europe/Budapest" Western [1-1, 3-15, 5-1, 8-20, 10-23, 11-1, 12-25, 12-26] [FRIDAY, MONDAY, WHIT];
    "IE" "Ireland" "Europe/Dublin" Western [1-1, 3-17, 12-25, 12-26] [MONDAY];
    "IT" "Italy" "Europe/Rome" Western [1-1, 1-6, 4-25, 5-1, 6-2, 8-15, 11-1, 12-8, 12-25, 12-26] [MONDAY];
    "LT" "Lithuania" "Europe/Vilnius" Western
        [1-1, 2-16, 3-11, 5-1, 6-24, 7-6, 8-15, 11-1, 11-2, 12-24, 12-25, 12-26] [MONDAY];
    "LU" "Luxembourg" "Europe/Luxembourg" Western [1-1, 5-1, 5-9, 6-23, 8-15, 11-1, 12-25, 12-26] [MONDAY, ASCENSION, WHIT];
    "LV" "Latvia" "Europe/Riga" Western [1-1, 5-1, 5-4, 6-23, 6-24, 11-18, 12-24, 12-25, 12-26, 12-31] [FRIDAY, MONDAY];
    "MT" "Malta" "Europe/Malta" Western
        [1-1, 2-10, 3-19, 3-31, 5-1, 6-7, 6-29, 8-15, 9-8, 9-21, 12-8, 12-13, 12-25] [FRIDAY];
    "NL" "Netherlands" "Europe/Amsterdam" Western [1-1, 4-27, 12-25, 12-26] [MONDAY, ASCENSION, WHIT];
    "PL" "Poland" "Europe/Warsaw" Western [1-1, 1-6, 5-1, 5-3, 8-15, 11-1, 11-11, 12-25, 12-26] [MONDAY, CORPUS];
    "PT" "Portugal" "Europe/Lisbon" Western [1-1, 4-25, 5-1, 6-10, 8-15, 10-5, 11-1, 12-1, 12-8, 12-25] [FRIDAY, CORPUS];
    "RO" "Romania" "Europe/Bucharest" Orthodox
        [1-1, 1-2, 1-24, 5-1, 6-1, 8-15, 11-30, 12-1, 12-25, 12-26] [FRIDAY, MONDAY, WHIT];
    "SE" "Sweden" "Europe/Stockholm" Western [1-1, 1-6, 5-1, 6-6, 12-25, 12-26] [FRIDAY, MONDAY, ASCENSION];
    "SI" "Slovenia" "Europe/Ljubljana" Western
        [1-1, 1-2, 2-8, 4-27, 5-1, 5-2, 6-25, 8-15, 10-31, 11-1, 12-25, 12-26] [MONDAY];
    "SK" "Slovakia" "Europe/Bratislava" Western [1-1, 1-6, 5-1, 7-5, 8-29, 11-1, 12-24, 12-25, 12-26] [FRIDAY, MONDAY];
};

/// A time zone: a name of the tz database such as `Europe/Helsinki`, or an offset such as `+02:00`, which knows no summer time.
pub fn zone(name: &str) -> Option<TimeZone> {
    let Some(size) = name.strip_prefix(['+', '-']) else { return TimeZone::get(name).ok() };
    let (hours, minutes) = size.split_once(':')?;
    let number = |text: &str| text.parse::<u8>().ok().filter(|_| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()));
    let (hours, minutes) = (number(hours).filter(|h| *h <= 14)?, number(minutes).filter(|m| *m < 60)?);
    let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60;
    let offset = jiff::tz::Offset::from_seconds(if name.starts_with('-') { -seconds } else { seconds }).ok()?;
    Some(offset.to_time_zone())
}

/// How a time zone is written so that [`zone`] reads it.
pub fn zone_name(zone: &TimeZone) -> String {
    match (zone.iana_name(), zone.to_fixed_offset()) {
        (Some(name), _) => name.to_owned(),
        (None, Ok(offset)) => {
            let (sign, minutes) = (if offset.seconds() < 0 { '-' } else { '+' }, offset.seconds().abs() / 60);
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        (None, Err(_)) => "UTC".to_owned(),
    }
}

/// The state with a code, such as `FI`; Greece also as `EL`.
pub fn state(code: &str) -> Option<&'static State> {
    let code = if code.eq_ignore_ascii_case("EL") { "GR" } else { code };
    ALL.iter().find(|state| state.code.eq_ignore_ascii_case(code))
}

impl State {
    /// Public holidays of some years.
    pub fn holidays(&self, years: std::ops::RangeInclusive<i16>) -> BTreeSet<Date> {
        let mut days = BTreeSet::new();
        for year in years {
            days.extend(self.fixed.iter().filter_map(|&(month, day)| Date::new(year, month, day).ok()));
            let easter = match self.easter {
                Easter::Western => western_easter(year),
                Easter::Orthodox => orthodox_easter(year),
            };
            days.extend(easter.iter().flat_map(|sunday| self.moving.iter().filter_map(|&n| sunday.checked_add(i64::from(n).days()).ok())));
        }
        days
    }

    /// The months of Regulation 1182/71 with the state's holidays from a year on.
    pub fn rules(&self, zone: TimeZone, from_year: i16) -> StateRules {
        StateRules::regulation_1182_71(zone, self.holidays(from_year..=from_year.saturating_add(YEARS)))
    }
}

/// Easter Sunday of the Gregorian calendar (anonymous algorithm, as in J. Meeus, Astronomical Algorithms, chapter 8).
fn western_easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let n = h + l - 7 * ((a + 11 * h + 22 * l) / 451) + 114;
    Date::new(year, (n / 31) as i8, (n % 31 + 1) as i8).ok()
}

/// Easter Sunday of the Julian calendar, written in the Gregorian one (Meeus, same chapter); the 13 days hold from 1900 to 2099.
fn orthodox_easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let d = (19 * (y % 19) + 15) % 30;
    let e = (2 * (y % 4) + 4 * (y % 7) - d + 34) % 7;
    let n = d + e + 114;
    let julian = Date::new(year, (n / 31) as i8, (n % 31 + 1) as i8).ok()?;
    if (1900..=2099).contains(&year) { julian.checked_add(13.days()).ok() } else { None }
}

/// What a state, or an entity for itself, sets otherwise; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// When on its last day a month ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month_end: Option<MonthEnd>,
    /// Whether a month that ends on a rest day moves on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest_days: Option<RestDayRule>,
    /// Further public holidays, such as `2026-06-19`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<String>,
    /// What the month of CER counts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cer_month: Option<CerMonth>,
    /// Thresholds of the state for the parameters of CER Art. 15(1).
    pub thresholds: StateThresholds,
}

/// What rest days do, as a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestDayRule {
    /// Nothing.
    Stand,
    /// The month ends with the next working day.
    MoveToWorkingDay,
}

impl Settings {
    /// The rules of a state with these settings on top.
    pub fn apply(&self, mut rules: StateRules) -> Result<StateRules, ClockError> {
        let listed: BTreeSet<Date> = self
            .holidays
            .iter()
            .map(|day| day.parse().map_err(|_| ClockError::NoDate { found: day.clone() }))
            .collect::<Result<_, ClockError>>()?;
        rules.month_end = self.month_end.unwrap_or(rules.month_end);
        rules.cer_month = self.cer_month.unwrap_or(rules.cer_month);
        let known = match &rules.rest_days {
            RestDays::MoveToWorkingDay { holidays } => holidays.clone(),
            RestDays::Stand => BTreeSet::new(),
        };
        rules.rest_days = match (self.rest_days, &rules.rest_days) {
            (Some(RestDayRule::Stand), _) | (None, RestDays::Stand) => RestDays::Stand,
            (Some(RestDayRule::MoveToWorkingDay), _) | (None, RestDays::MoveToWorkingDay { .. }) => {
                RestDays::MoveToWorkingDay { holidays: known.union(&listed).copied().collect() }
            }
        };
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn easter_falls_where_published() {
        for (year, month, day) in [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2028, 4, 16), (2038, 4, 25)] {
            assert_eq!(western_easter(year), Some(date(year, month, day)));
        }
        for (year, month, day) in [(2024, 5, 5), (2025, 4, 20), (2026, 4, 12), (2027, 5, 2), (2028, 4, 16)] {
            assert_eq!(orthodox_easter(year), Some(date(year, month, day)));
        }
        assert_eq!(orthodox_easter(2150), None);
    }

    #[test]
    fn every_member_state_stands_once_in_order_with_sound_dates() {
        assert_eq!(ALL.len(), 27);
        assert!(ALL.is_sorted_by(|a, b| a.code < b.code));
        for state in ALL {
            // In 2027 no moving holiday falls on a fixed one.
            assert_eq!(state.holidays(2027..=2027).len(), state.fixed.len() + state.moving.len(), "{}", state.code);
            assert!(state.holidays(2026..=2026).contains(&date(2026, 1, 1)), "{}", state.code);
        }
        assert_eq!(state("el").map(|s| s.name), Some("Greece"));
        assert_eq!(state("NO"), None);
    }

    #[test]
    fn a_state_moves_months_over_its_own_holidays_alone() {
        // Good Friday and Easter Monday 2026 are 3 and 6 April.
        let end = |code: &str| {
            let rules = state(code).unwrap().rules(TimeZone::UTC, 2026);
            rules.month_after("2026-03-03T12:00:00Z".parse().unwrap()).unwrap().date()
        };
        assert_eq!((end("FI"), end("FR"), end("GR")), (date(2026, 4, 7), date(2026, 4, 3), date(2026, 4, 3)));
    }

    #[test]
    fn a_zone_is_read_as_it_is_written() {
        for name in ["+02:00", "-03:30", "UTC"] {
            assert_eq!(zone_name(&zone(name).unwrap()), name);
        }
        for wrong in ["+2:00", "+02:60", "+15:00", "+ab:00", "Europe/Atlantis", ""] {
            assert!(zone(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn settings_replace_what_they_name() {
        let rules = state("FI").unwrap().rules(TimeZone::UTC, 2026);
        let from = "2026-05-19T12:00:00Z".parse().unwrap();
        let end = |settings: &Settings| settings.apply(rules.clone()).unwrap().month_after(from).unwrap().to_string();
        // Midsummer Eve is no public holiday by law, but an entity may count it.
        assert_eq!(end(&Settings::default()), "2026-06-19T23:59:59.999999999+00:00[UTC]");
        let eve = Settings { holidays: BTreeSet::from(["2026-06-19".to_owned()]), ..Settings::default() };
        assert_eq!(end(&eve), "2026-06-22T23:59:59.999999999+00:00[UTC]");
        let strict = Settings { rest_days: Some(RestDayRule::Stand), month_end: Some(MonthEnd::SameTime), ..eve.clone() };
        assert_eq!(end(&strict), "2026-06-19T12:00:00+00:00[UTC]");
        let wrong = Settings { holidays: BTreeSet::from(["19.6.2026".to_owned()]), ..eve };
        assert!(wrong.apply(rules.clone()).unwrap_err().to_string().contains("19.6.2026"));
        let read: Settings = serde_json::from_str(r#"{"month_end": "same_time", "thresholds": {"users": 1000}}"#).unwrap();
        assert_eq!((read.month_end, read.thresholds.users), (Some(MonthEnd::SameTime), Some(1000.0)));
        assert!(serde_json::from_str::<Settings>(r#"{"holliday": []}"#).is_err());
    }
}
