//! Whole maps.

use super::*;

fn place<'a>(name: &'a str, lat: f64, lng: f64, mark: Mark, km: Option<f64>) -> Place<'a> {
    Place {
        name,
        location: Location::new(lat, lng).unwrap(),
        mark,
        km,
    }
}

fn america() -> Vec<Place<'static>> {
    vec![
        place(
            "191 Peachtree St",
            33.7591,
            -84.3863,
            Mark::Destination,
            None,
        ),
        place("Atlanta", 33.64, -84.43, Mark::Chosen, Some(14.2)),
        place("Columbus", 39.96, -83.0, Mark::PassedOver, Some(702.0)),
        place("Reno", 39.53, -119.81, Mark::Unable, Some(3190.4)),
    ]
}

fn drawn(places: &[Place<'_>], shape: Shape) -> String {
    map(&Map {
        title: "Why Atlanta",
        places,
        shape,
    })
}

/// Without the outlines, which are long.
fn without_land(svg: &str) -> String {
    let (before, rest) = svg.split_once(r#"<path class="land""#).unwrap();
    let (_, after) = rest.split_once("/>").unwrap();
    format!("{before}{after}").replace("><", ">\n<")
}

#[test]
fn a_route_is_drawn() {
    let svg = drawn(&america(), Shape::Small);
    assert!(svg.len() < 16_000, "{}", svg.len());
    insta::assert_snapshot!(without_land(&svg));
}

#[test]
fn warehouses_all_over_the_world_are_drawn() {
    let places = [
        place("Reno", 39.53, -119.81, Mark::Warehouse { share: 1.0 }, None),
        place(
            "Leipzig",
            51.34,
            12.37,
            Mark::Warehouse { share: 0.25 },
            None,
        ),
        place("大阪", 34.69, 135.5, Mark::Warehouse { share: 0.0 }, None),
        place("Sydney", -33.87, 151.2, Mark::Closed, None),
    ];
    let svg = drawn(&places, Shape::Wide);
    assert!(svg.len() < 28_000, "{}", svg.len());
    insta::assert_snapshot!(without_land(&svg));
}

#[test]
fn places_on_both_sides_of_the_date_line_are_near_each_other() {
    let places = [
        place("Suva", -18.14, 178.44, Mark::Destination, None),
        place("Apia", -13.83, -171.76, Mark::Chosen, Some(1150.0)),
    ];
    let svg = drawn(&places, Shape::Small);
    insta::assert_snapshot!(without_land(&svg));
}

#[test]
fn the_land_around_a_place_inside_a_continent_fills_the_map() {
    let inland = place("Khovd", 48.0, 91.6, Mark::Chosen, None);
    let svg = drawn(&[inland], Shape::Small);
    let (_, rest) = svg.split_once(r#"class="land""#).unwrap();
    let (land, _) = rest.split_once("/>").unwrap();
    assert!(land.contains(r#" d="M"#) && land.len() < 200, "{land}");
}

#[test]
fn names_are_escaped() {
    let places = [place("<script>&\"'", 1.0, 1.0, Mark::Chosen, None)];
    let svg = drawn(&places, Shape::Small);
    assert!(!svg.contains("<script"), "{svg}");
    assert_eq!(svg.matches("&lt;script&gt;&amp;&quot;&#39;").count(), 3);
}

#[test]
fn a_map_of_nothing_is_nothing() {
    assert_eq!(drawn(&[], Shape::Small), "");
}

#[test]
fn every_place_is_inside_the_picture() {
    let corners = [
        (90.0, 0.0),
        (-90.0, 0.0),
        (0.0, 180.0),
        (0.0, -180.0),
        (71.0, -156.0),
        (-54.0, -68.0),
        (-45.0, 170.0),
    ];
    for (index, &one) in corners.iter().enumerate() {
        for &other in &corners[index..] {
            let places = [one, other].map(|(lat, lng)| Location::new(lat, lng).unwrap());
            for (width, height) in [Shape::Small.size(), Shape::Wide.size()] {
                let view = View::fit(&places, width, height).unwrap();
                for place in places {
                    let (x, y) = view.point(place);
                    let inside =
                        (-0.1..=width + 0.1).contains(&x) && (-0.1..=height + 0.1).contains(&y);
                    assert!(inside, "{one:?} {other:?} {x} {y}");
                }
            }
        }
    }
}

#[test]
fn a_distance_is_the_one_that_the_sentences_of_the_routing_say() {
    for (metres, text) in [
        (0.0, "0 m"),
        (979.0, "979 m"),
        (3040.0, "3 km"),
        (9940.0, "9.9 km"),
        (9960.0, "10 km"),
        (26_500.0, "27 km"),
    ] {
        assert_eq!(distance(metres / 1000.0), text);
    }
}
