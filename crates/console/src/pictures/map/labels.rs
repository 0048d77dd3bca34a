//! Names on a map that cover neither each other nor a symbol.

/// The height of a line of text, and how wide a character is, roughly, in the font of the stylesheet.
const LINE: f64 = 13.0;
const CHARACTER: f64 = 5.6;
const LONGEST: usize = 30;

/// A rectangle of the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Frame {
    /// The square around a symbol.
    pub(super) fn around((x, y): (f64, f64), radius: f64) -> Self {
        Self {
            left: x - radius,
            top: y - radius,
            right: x + radius,
            bottom: y + radius,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// Which point of a text its place is. The width of a text is only known roughly, so that a name on the left of its symbol
/// would otherwise stand too far from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    /// The attribute of SVG; the start is its default.
    pub(super) fn attribute(self) -> &'static str {
        match self {
            Self::Start => "",
            Self::Middle => r#" text-anchor="middle""#,
            Self::End => r#" text-anchor="end""#,
        }
    }

    /// The place of a text in its frame.
    fn of(self, frame: &Frame) -> f64 {
        match self {
            Self::Start => frame.left,
            Self::Middle => f64::midpoint(frame.left, frame.right),
            Self::End => frame.right,
        }
    }
}

/// What is taken of the picture.
#[derive(Debug)]
pub(super) struct Labels {
    width: f64,
    height: f64,
    taken: Vec<Frame>,
}

impl Labels {
    /// An empty picture.
    pub(super) fn within(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            taken: Vec::new(),
        }
    }

    /// Keeps labels away from there.
    pub(super) fn keep_clear(&mut self, frame: Frame) {
        self.taken.push(frame);
    }

    /// Takes the first free place beside a symbol; returns the place of the text, on its base line, and its anchor. `None`
    /// if nothing is free.
    pub(super) fn place(
        &mut self,
        text: &str,
        (x, y): (f64, f64),
        radius: f64,
    ) -> Option<(f64, f64, Anchor)> {
        let wide = width_of(text);
        let gap = radius + 4.0;
        let (right, left, middle) = (x + gap, x - gap - wide, x - wide / 2.0);
        let (level, above, below) = (y - LINE / 2.0, y - gap - LINE, y + gap);
        let places = [
            (right, level, Anchor::Start),
            (left, level, Anchor::End),
            (middle, above, Anchor::Middle),
            (middle, below, Anchor::Middle),
            (right, above + 4.0, Anchor::Start),
            (left, above + 4.0, Anchor::End),
            (right, below - 4.0, Anchor::Start),
            (left, below - 4.0, Anchor::End),
        ];
        let frames = places.map(|(left, top, anchor)| {
            let (right, bottom) = (left + wide, top + LINE);
            let frame = Frame {
                left,
                top,
                right,
                bottom,
            };
            (frame, anchor)
        });
        let mut frames = frames.into_iter();
        let (free, anchor) = frames.find(|(frame, _)| self.is_free(frame))?;
        self.taken.push(free);
        Some((anchor.of(&free), free.bottom - 3.0, anchor))
    }

    fn is_free(&self, frame: &Frame) -> bool {
        let inside = frame.left >= 4.0
            && frame.top >= 2.0
            && frame.right <= self.width - 4.0
            && frame.bottom <= self.height - 2.0;
        inside && !self.taken.iter().any(|taken| taken.overlaps(frame))
    }
}

/// A name that is not too long for a map.
pub(super) fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST) {
        Some(_) => {
            let start: String = name.chars().take(LONGEST - 1).collect();
            format!("{}…", start.trim_end())
        }
        None => name.to_owned(),
    }
}

/// Wide characters, such as those of Chinese and Japanese, count twice.
fn width_of(text: &str) -> f64 {
    let widths = text.chars().map(|character| match character {
        '\u{1100}'.. => 2.0 * CHARACTER,
        _ => CHARACTER,
    });
    widths.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_places_at_one_spot_do_not_overlap() {
        let mut labels = Labels::within(400.0, 200.0);
        labels.keep_clear(Frame::around((200.0, 100.0), 6.0));
        let placed: Vec<_> = (0..12)
            .map(|_| labels.place("Atlanta 4 km", (200.0, 100.0), 6.0))
            .collect();
        assert!(placed.iter().flatten().count() >= 4, "{placed:?}");
        assert!(placed.iter().any(Option::is_none), "{placed:?}");
        for (index, frame) in labels.taken.iter().enumerate() {
            for other in &labels.taken[index + 1..] {
                assert!(!frame.overlaps(other), "{frame:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_label_at_the_edge_turns_inwards() {
        let mut labels = Labels::within(400.0, 200.0);
        let (x, _, anchor) = labels.place("Atlanta", (396.0, 100.0), 5.0).unwrap();
        // However wide the text is, it ends at the gap.
        assert_eq!((x, anchor), (396.0 - 5.0 - 4.0, Anchor::End));
    }

    #[test]
    fn long_names_are_shortened() {
        assert_eq!(shortened("Atlanta"), "Atlanta");
        let name = shortened("Atlanta Distribution Center of the South East");
        assert_eq!(name, "Atlanta Distribution Center o…");
    }
}
