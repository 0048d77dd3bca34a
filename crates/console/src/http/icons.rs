//! Icons: the shapes inside an `svg` of 16 × 16, drawn with the colour of the text.

/// The shapes of an icon; nothing for an unknown name.
pub(crate) fn icon(name: &str) -> &'static str {
    match name {
        "brand" => {
            r#"<path d="M2.5 5 8 2l5.5 3v6L8 14l-5.5-3z"/><path d="M2.5 5 8 8l5.5-3M8 8v6"/>"#
        }
        "home" => r#"<path d="M2.5 7 8 2.5 13.5 7v6.5h-4V10h-3v3.5h-4z"/>"#,
        "orders" => r#"<path d="M3.5 2h9v12l-2-1.3L8.5 14l-2-1.3L4.5 14l-1-.7zM6 5.5h4M6 8.5h4"/>"#,
        "letter" => r#"<path d="M8 2.5 14 13H2zM8 6.5v3M8 11.2v.1"/>"#,
        "finding" => r#"<circle cx="7" cy="7" r="4"/><path d="m10 10 3.5 3.5"/>"#,
        "stock" => r#"<path d="M2.5 13.5v-4h3.6v4zM6.2 13.5V6h3.6v7.5zM9.9 13.5v-11h3.6v11z"/>"#,
        "warehouse" => r#"<path d="M2 13.5V6l6-3.5L14 6v7.5M5 13.5V8.5h6v5M5 11h6"/>"#,
        "product" => r#"<path d="M2.5 2.5h5l6 6-5 5-6-6zM5.5 5.5h.1"/>"#,
        "import" => r#"<path d="M8 2v7.5M5 7l3 3 3-3M2.5 11v2.5h11V11"/>"#,
        "picking" => {
            r#"<path d="M2.5 4l1 1 2-2M2.5 8.5l1 1 2-2M2.5 13l1 1 2-2M8 4h5.5M8 8.5h5.5M8 13h5.5"/>"#
        }
        "hold" => r#"<circle cx="8" cy="8" r="6"/><path d="M6.500 5.500v5M9.500 5.500v5"/>"#,
        "return" => r#"<path d="M6 3 2.5 6.5 6 10M2.5 6.5h7a4 4 0 0 1 0 7H6"/>"#,
        "webhook" => {
            r#"<circle cx="4" cy="11.5" r="2"/><circle cx="12" cy="11.5" r="2"/><circle cx="8" cy="4.5" r="2"/><path d="M7 6.2 5 9.8M9 6.2l2 3.6M6 11.5h4"/>"#
        }
        "event" => r#"<path d="M2 8h3l2-5 2.5 10L11.500 8H14"/>"#,
        "live" => r#"<path d="M2.5 13a7 7 0 1 1 11 0M8 9.500l3-3"/>"#,
        "settings" => {
            r#"<path d="M2 4.500h7M12 4.500h2M2 11.500h2M7 11.500h7"/><circle cx="10.500" cy="4.500" r="1.500"/><circle cx="5.500" cy="11.500" r="1.500"/>"#
        }
        "search" => r#"<circle cx="7" cy="7" r="4.500"/><path d="m10.500 10.500 3 3"/>"#,
        "menu" => r#"<path d="M2.500 4h11M2.500 8h11M2.500 12h11"/>"#,
        "close" => r#"<path d="m4 4 8 8M12 4l-8 8"/>"#,
        "money" => {
            r#"<rect x="1.500" y="4" width="13" height="8" rx="1"/><circle cx="8" cy="8" r="1.800"/>"#
        }
        "next" => r#"<circle cx="8" cy="8" r="6"/><path d="M8 4.500V8l2.500 1.500"/>"#,
        "out" => r#"<path d="M9.500 2.500h-7v11h7M6.500 8h7.500M11.500 5.500 14 8l-2.500 2.500"/>"#,
        _ => "",
    }
}
