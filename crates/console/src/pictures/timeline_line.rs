//! The history of an order as one line.

use std::fmt::Write;

use super::Tone;
use super::svg::{Escaped, Length};

/// Per cent of the width between two marks, so that none hides another.
const APART: f64 = 2.5;
const START: f64 = 1.5;
const END: f64 = 98.5;

/// What happened, and what comes next.
#[derive(Clone, Copy, Debug)]
pub struct TimelineLine<'a> {
    /// Oldest first. A hundred at most are drawn, the newest.
    pub past: &'a [Moment<'a>],
    /// What comes next, if its time is known. It is drawn at the end, hollow.
    pub next: Option<Moment<'a>>,
}

/// A mark on the line.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// When, in seconds since any fixed time.
    pub seconds: f64,
    /// The time as people read it, such as `12:00:31`.
    pub time: &'a str,
    /// What happened, in words.
    pub what: &'a str,
    /// What the colour says.
    pub tone: Tone,
}

/// Draws marks at their times, but never closer than they can be told apart. The first and last have their time below.
pub fn timeline_line(line: &TimelineLine<'_>) -> String {
    let past = match line.past.len() {
        0 => return String::new(),
        many => &line.past[many.saturating_sub(100)..],
    };
    let times: Vec<f64> = past.iter().chain(&line.next).map(|at| at.seconds).collect();
    let places = spread(&times);
    let mut svg = String::from(r#"<svg class="line" role="img"><title>"#);
    let described = past.iter().chain(&line.next);
    let described = described.map(|at| format!("{} {}", at.time, at.what));
    let described = described.collect::<Vec<_>>().join("; ");
    let _ = write!(
        svg,
        r#"{}</title><line class="axis" x1="0" x2="100%" y1="14" y2="14"/>"#,
        Escaped(&described)
    );
    if let (Some(first), Some(last)) = (places.first(), places.get(past.len() - 1)) {
        let _ = write!(
            svg,
            r#"<line class="past" x1="{}%" x2="{}%" y1="14" y2="14"/>"#,
            Length(*first),
            Length(*last)
        );
    }
    for (moment, x) in past.iter().zip(&places) {
        mark(&mut svg, moment, *x, "");
    }
    if let (Some(next), Some(x)) = (&line.next, places.last()) {
        mark(&mut svg, next, *x, " next");
    }
    times_below(&mut svg, line, past, &places);
    svg.push_str("</svg>");
    svg
}

fn mark(svg: &mut String, moment: &Moment<'_>, x: f64, more: &str) {
    let _ = write!(
        svg,
        r#"<circle class="mark {}{more}" cx="{}%" cy="14" r="6"><title>{} {}</title></circle>"#,
        moment.tone.class(),
        Length(x),
        Escaped(moment.time),
        Escaped(moment.what)
    );
}

fn times_below(svg: &mut String, line: &TimelineLine<'_>, past: &[Moment<'_>], places: &[f64]) {
    let mut text = |x: f64, anchor: &str, time: &str| {
        let _ = write!(
            svg,
            r#"<text x="{}%" y="38" text-anchor="{anchor}">{}</text>"#,
            Length(x),
            Escaped(time)
        );
    };
    if let Some(first) = past.first() {
        text(0.0, "start", first.time);
    }
    let last = line.next.as_ref().or(past.last());
    if let (Some(last), true) = (last, places.len() > 1) {
        text(100.0, "end", last.time);
    }
}

/// Places in per cent, from `START` to `END`: in proportion to the times, and `APART` from each other if there is room.
fn spread(times: &[f64]) -> Vec<f64> {
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
        return Vec::new();
    };
    let room = END - START;
    let gaps = f64::from(u32::try_from(times.len() - 1).unwrap_or(u32::MAX));
    let apart = match gaps > 0.0 {
        true => APART.min(room / gaps),
        false => return vec![START],
    };
    // What is left when each has its distance is shared out by time.
    let free = room - apart * gaps;
    let span = (last - first).max(f64::MIN_POSITIVE);
    let mut latest = first;
    let mut place = START;
    let mut places = Vec::with_capacity(times.len());
    for (index, &time) in times.iter().enumerate() {
        if index > 0 {
            place += apart + free * ((time - latest).max(0.0) / span);
        }
        latest = latest.max(time);
        places.push(place.min(END));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(seconds: f64, what: &str, tone: Tone) -> Moment<'_> {
        Moment {
            seconds,
            time: "12:00:31",
            what,
            tone,
        }
    }

    #[test]
    fn past_and_next_are_drawn() {
        let past = [
            moment(0.0, "Order placed", Tone::Note),
            moment(7.0, "stripe <did not> answer", Tone::Bad),
        ];
        let drawn = timeline_line(&TimelineLine {
            past: &past,
            next: Some(moment(60.0, "The sweeper asks", Tone::Busy)),
        });
        insta::assert_snapshot!(drawn);
    }

    #[test]
    fn marks_keep_their_distance() {
        let places = spread(&[0.0, 0.0, 0.1, 1000.0]);
        assert_eq!(places.first(), Some(&START));
        assert!((places[3] - END).abs() < 1e-9, "{places:?}");
        assert!(
            places
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= APART - 1e-9),
            "{places:?}"
        );
    }

    #[test]
    fn many_marks_share_the_width() {
        let times: Vec<f64> = (0..100).map(f64::from).collect();
        let places = spread(&times);
        assert!(places.windows(2).all(|pair| pair[1] > pair[0]));
        assert!(places.iter().all(|place| *place <= END));
    }

    #[test]
    fn marks_at_one_time_are_drawn_side_by_side() {
        let places = spread(&[5.0, 5.0]);
        assert!(places[1] > places[0], "{places:?}");
    }

    #[test]
    fn a_line_without_marks_is_nothing() {
        let drawn = timeline_line(&TimelineLine {
            past: &[],
            next: None,
        });
        assert_eq!(drawn, "");
    }
}
