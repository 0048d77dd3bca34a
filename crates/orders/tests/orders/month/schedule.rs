//! The schedule of a month: outages of the gateway, arrivals of orders, and the fates of their payments. All from one
//! seed.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use super::script::{Fate, Place};

pub const DAY: TimeDelta = TimeDelta::days(1);
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// Days with arrivals and outages.
const DAYS: i32 = 30;
/// Number of orders.
const ORDERS: usize = 600;
/// Minimum and maximum length of an outage, in minutes.
const OUTAGE: (f64, f64) = (2.0, 360.0);

/// The schedule of a month.
pub struct Schedule {
    /// In order of time, without overlap.
    pub outages: Vec<Range<DateTime<Utc>>>,
    /// In order of time.
    pub arrivals: Vec<(DateTime<Utc>, Fate)>,
    /// When all arrivals and outages are over.
    pub end: DateTime<Utc>,
}

impl Schedule {
    pub fn of(seed: u64, start: DateTime<Utc>) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let outages = outages(&mut random, start);
        let arrivals = arrivals(&mut random, start, &outages);
        Self {
            outages,
            arrivals,
            end: start + DAY * DAYS,
        }
    }

    /// The end of the outage at this time, if there is one.
    pub fn away_until(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let outage = self.outages.iter().find(|outage| outage.contains(&time));
        outage.map(|outage| outage.end)
    }

    /// How long the gateway was down within a time span.
    pub fn away_during(&self, time: &Range<DateTime<Utc>>) -> TimeDelta {
        let overlap = |outage: &Range<DateTime<Utc>>| {
            let (from, to) = (outage.start.max(time.start), outage.end.min(time.end));
            (to - from).max(TimeDelta::zero())
        };
        self.outages.iter().map(overlap).sum()
    }

    pub fn longest_outage(&self) -> TimeDelta {
        let lengths = self.outages.iter().map(|outage| outage.end - outage.start);
        lengths.max().unwrap_or_default()
    }
}

/// A duration in minutes.
fn minutes(number: f64) -> TimeDelta {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a month has some 2^31 milliseconds"
    )]
    let ms = (number * 60_000.0) as i64;
    TimeDelta::milliseconds(ms)
}

/// Short and long outages, which add up to a tenth of the month, with random gaps.
fn outages(random: &mut StdRng, start: DateTime<Utc>) -> Vec<Range<DateTime<Utc>>> {
    let tenth = DAY * DAYS / 10;
    let mut lengths = Vec::new();
    while lengths.iter().sum::<TimeDelta>() < tenth {
        let (least, most) = OUTAGE;
        let length = least * (most / least).powf(random.random_range(0.0..1.0));
        lengths.push(minutes(length));
    }
    let up = DAY * DAYS - lengths.iter().sum::<TimeDelta>();
    let mut waits: Vec<TimeDelta> = lengths
        .iter()
        .map(|_| minutes(random.random_range(0.0..1.0) * minutes_of(up)))
        .collect();
    waits.sort();
    let mut before = TimeDelta::zero();
    let mut outages = Vec::new();
    for (length, wait) in lengths.into_iter().zip(waits) {
        let from = start + wait + before;
        outages.push(from..from + length);
        before += length;
    }
    outages
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a month has some 2^31 milliseconds"
)]
fn minutes_of(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 60_000.0
}

/// Half of the orders arrive about when an outage starts, so that many are in progress then.
fn arrivals(
    random: &mut StdRng,
    start: DateTime<Utc>,
    outages: &[Range<DateTime<Utc>>],
) -> Vec<(DateTime<Utc>, Fate)> {
    let month = minutes_of(DAY * DAYS);
    let mut fates: Vec<Fate> = (0..ORDERS).map(|number| fate(random, number)).collect();
    fates.shuffle(random);
    let mut arrivals: Vec<_> = fates
        .into_iter()
        .map(|fate| {
            let at = if random.random_bool(0.5) {
                let outage = outages.choose(random).expect("there are outages");
                outage.start + minutes(random.random_range(-5.0..1.0))
            } else {
                start + minutes(random.random_range(0.0..month))
            };
            (at.max(start), fate)
        })
        .collect();
    arrivals.sort_by_key(|(at, _)| *at);
    arrivals
}

/// The fate of an order's payment: each strange fate for a few, and half of the rest succeed.
fn fate(random: &mut StdRng, number: usize) -> Fate {
    match number {
        0..5 => return Fate::Overcharges,
        5..8 => return Fate::Poisoned,
        8..10 => return Fate::Disowned,
        _ => {}
    }
    match random.random_range(0..20) {
        0..9 => Fate::Pays,
        9..11 => Fate::PaysSilently,
        11 => Fate::IsLost,
        12 => Fate::Declines,
        13 => Fate::DeclinesSilently,
        14 => Fate::Acts {
            after: MINUTE * random.random_range(1..120),
        },
        15 => Fate::NeverActs,
        16 | 17 => Fate::IsProcessed {
            until: MINUTE * random.random_range(5..1800),
            paid: random.random_bool(0.7),
        },
        _ => Fate::Dies(*Place::ALL.choose(random).expect("there are places")),
    }
}
