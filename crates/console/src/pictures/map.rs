//! A map of warehouses, and of the way to a destination.

mod great_circle;
mod labels;
mod land;
mod view;

use std::fmt::Write;

use oms_validation::Location;

use self::labels::{Frame, Labels};
use self::view::View;
use super::svg::{Escaped, Length};

/// What a map shows.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a> {
    /// What it is about, such as "Why Atlanta".
    pub title: &'a str,
    /// What is on it; what comes first is labelled first.
    pub places: &'a [Place<'a>],
    /// How large it is drawn.
    pub shape: Shape,
}

/// How large a map is drawn, before it is fitted to its place on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 368 by 240, beside other things.
    Small,
    /// 960 by 420, over the whole page.
    Wide,
}

impl Shape {
    fn size(self) -> (f64, f64) {
        match self {
            Self::Small => (368.0, 240.0),
            Self::Wide => (960.0, 420.0),
        }
    }
}

/// Something on a map.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it is.
    pub location: Location,
    /// What it is.
    pub mark: Mark,
    /// How far it is from the destination, in kilometres.
    pub km: Option<f64>,
}

/// What a place is. Each is drawn as another shape, not only in another colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// Where the goods go: ✚.
    Destination,
    /// The warehouse that was chosen: ●, with a line to the destination.
    Chosen,
    /// A warehouse that could have sent them: ○, with a dashed line.
    PassedOver,
    /// A warehouse that could not: ×.
    Unable,
    /// An active warehouse: ●, whose area says which share of something it has, from 0 to 1.
    Warehouse {
        /// The share.
        share: f64,
    },
    /// A warehouse that is switched off: ○.
    Closed,
}

impl Mark {
    fn words(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::Chosen => "chosen",
            Self::PassedOver => "passed over",
            Self::Unable => "could not send it",
            Self::Warehouse { .. } => "active",
            Self::Closed => "switched off",
        }
    }

    /// How far its shape reaches from its place.
    fn radius(self) -> f64 {
        match self {
            Self::Destination => 7.0,
            Self::Chosen => 5.5,
            Self::PassedOver | Self::Closed => 4.5,
            Self::Unable => 4.0,
            Self::Warehouse { share } => 4.0 + 8.0 * share.clamp(0.0, 1.0).sqrt(),
        }
    }
}

/// Draws the places on the outlines of the continents, fitted to the frame, with a scale. Equirectangular: distances are
/// true in the middle. A map of no places is an empty text.
pub fn map(map: &Map<'_>) -> String {
    let locations: Vec<Location> = map.places.iter().map(|place| place.location).collect();
    let (width, height) = map.shape.size();
    let Some(view) = View::fit(&locations, width, height) else {
        return String::new();
    };
    let mut svg = format!(
        r#"<svg class="map" viewBox="0 0 {width} {height}" role="img"><title>{}</title><desc>{}</desc>"#,
        Escaped(map.title),
        Escaped(&description(map.places))
    );
    let _ = write!(
        svg,
        r#"<path class="land" transform="scale(.1)" d="{}"/><path class="grid" d="{}"/>"#,
        land::path(&view),
        grid(&view)
    );
    ways(&mut svg, &view, map.places);
    let mut labels = Labels::within(width, height);
    for place in map.places {
        labels.keep_clear(Frame::around(
            view.point(place.location),
            place.mark.radius(),
        ));
    }
    scale(&mut svg, &view, &mut labels);
    // The destination and the chosen warehouse lie on top of the others.
    for place in map.places.iter().rev() {
        symbol(&mut svg, &view, place);
    }
    for place in map.places {
        label(&mut svg, &view, place, &mut labels);
    }
    svg.push_str("</svg>");
    svg
}

fn description(places: &[Place<'_>]) -> String {
    let sentences = places.iter().map(|place| match place.km {
        Some(km) => format!("{}: {}, {}.", place.name, place.mark.words(), distance(km)),
        None => format!("{}: {}.", place.name, place.mark.words()),
    });
    sentences.collect::<Vec<_>>().join(" ")
}

/// A distance as the sentences of the routing say it: in metres below 1 km, in tenths of a kilometre below 10 km.
fn distance(km: f64) -> String {
    let tenths = (km * 10.0).round() / 10.0;
    match km {
        km if km < 1.0 => format!("{:.0} m", km * 1000.0),
        _ if tenths < 10.0 => format!("{tenths} km"),
        km => format!("{} km", km.round()),
    }
}

/// Lines of equal longitude and latitude, at a distance that leaves the map calm.
fn grid(view: &View) -> String {
    let mut path = String::new();
    let step = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0]
        .into_iter()
        .find(|step| step / view.degrees_down() > 0.3)
        .unwrap_or(45.0);
    let multiples = |from: f64, to: f64| {
        let first = (from / step).ceil();
        (0u8..100)
            .map(move |index| (first + f64::from(index)) * step)
            .take_while(move |degrees| *degrees < to)
    };
    let (width, height) = view.size();
    for lng in multiples(view.west(), view.east()) {
        let _ = write!(path, "M{} 0V{height}", Length(view.x(lng)));
    }
    for lat in multiples(view.south(), view.north()) {
        let _ = write!(path, "M0 {}H{width}", Length(view.y(lat)));
    }
    path
}

/// Great circles from the destination to each warehouse that could have sent the goods.
fn ways(svg: &mut String, view: &View, places: &[Place<'_>]) {
    let destination = places.iter().find(|place| place.mark == Mark::Destination);
    let Some(destination) = destination else {
        return;
    };
    let mut draw = |mark: Mark, class: &str| {
        for place in places.iter().filter(|place| place.mark == mark) {
            let path = great_circle::path(view, place.location, destination.location);
            let _ = write!(svg, r#"<path class="{class}" d="{path}"/>"#);
        }
    };
    draw(Mark::PassedOver, "way");
    draw(Mark::Chosen, "way chosen");
}

fn symbol(svg: &mut String, view: &View, place: &Place<'_>) {
    let (x, y) = view.point(place.location);
    let r = Length(place.mark.radius());
    let (x, y) = (Length(x), Length(y));
    let _ = match place.mark {
        Mark::Destination => write!(
            svg,
            r#"<path class="destination" d="M{x} {y}m-{r} 0h14m-{r}-{r}v14">"#
        ),
        Mark::Unable => write!(
            svg,
            r#"<path class="spot cannot" d="M{x} {y}m-{r}-{r}l8 8m0-8l-8 8">"#
        ),
        Mark::Chosen | Mark::Warehouse { .. } => write!(
            svg,
            r#"<circle class="spot chosen" cx="{x}" cy="{y}" r="{r}">"#
        ),
        Mark::PassedOver => write!(
            svg,
            r#"<circle class="spot passed" cx="{x}" cy="{y}" r="{r}">"#
        ),
        Mark::Closed => write!(
            svg,
            r#"<circle class="spot off" cx="{x}" cy="{y}" r="{r}">"#
        ),
    };
    let described = description(std::slice::from_ref(place));
    let end = match place.mark {
        Mark::Destination | Mark::Unable => "path",
        _ => "circle",
    };
    let _ = write!(svg, "<title>{}</title></{end}>", Escaped(&described));
}

/// Writes the name where nothing else is; a name that fits nowhere is left out, and is still in the symbol's title.
fn label(svg: &mut String, view: &View, place: &Place<'_>, labels: &mut Labels) {
    let name = labels::shortened(place.name);
    let km = place
        .km
        .map(|km| format!(" {}", distance(km)))
        .unwrap_or_default();
    let text = format!("{name}{km}");
    let Some((x, y, anchor)) = labels.place(&text, view.point(place.location), place.mark.radius())
    else {
        return;
    };
    let _ = write!(
        svg,
        r#"<text x="{}" y="{}"{}>{}"#,
        Length(x),
        Length(y),
        anchor.attribute(),
        Escaped(&name)
    );
    if !km.is_empty() {
        let _ = write!(svg, r#"<tspan class="km">{km}</tspan>"#);
    }
    svg.push_str("</text>");
}

/// A bar whose length is a round number of kilometres in the middle of the map.
fn scale(svg: &mut String, view: &View, labels: &mut Labels) {
    let (_, height) = view.size();
    let longest = 90.0 * view.km_across();
    let Some(km) = [
        5000.0, 2000.0, 1000.0, 500.0, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0,
    ]
    .into_iter()
    .find(|km| *km <= longest) else {
        return;
    };
    let length = km / view.km_across();
    let bottom = height - 10.0;
    labels.keep_clear(Frame {
        left: 8.0,
        top: bottom - 18.0,
        right: 16.0 + length,
        bottom: height,
    });
    let _ = write!(
        svg,
        r#"<path class="scale" d="M12 {}v4h{}v-4"/><text class="km" x="12" y="{}">{km} km</text>"#,
        Length(bottom - 4.0),
        Length(length),
        Length(bottom - 8.0)
    );
}

#[cfg(test)]
mod tests;
