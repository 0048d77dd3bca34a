//! Finds an element of a page and clicks it as a user does: where it is visible, with the mouse.

use serde_json::Value;

/// A script that returns whether the most recently located element was clicked.
pub const IS_PRESSED: &str = "window.omsIsPressed === true";

/// A script that returns the centre of an element once it has stopped moving and a user could click it there, otherwise
/// `null`.
pub fn place_of(element: &str) -> String {
    format!(
        r"(async () => {{
            const element = {element};
            if (!element) return null;
            element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
            const middle = () => {{
                const box = element.getBoundingClientRect();
                return box.width > 0 ? [box.x + box.width / 2, box.y + box.height / 2] : null;
            }};
            const before = middle();
            await new Promise(done => setTimeout(done, 50));
            const place = middle();
            if (!place || String(before) !== String(place)) return null;
            const top = document.elementFromPoint(...place);
            if (!top || !(element.contains(top) || top.contains(element))) return null;
            window.omsIsPressed = false;
            const press = () => {{ window.omsIsPressed = true; }};
            element.addEventListener('mousedown', press, {{ capture: true, once: true }});
            return place;
        }})()"
    )
}

/// A script for the first element that matches a CSS selector.
pub fn selected_by(selector: &str) -> String {
    format!("document.querySelector({})", Value::from(selector))
}

/// A script for the first button or link with this label.
pub fn labelled(label: &str) -> String {
    format!(
        r"[...document.querySelectorAll('button, a, summary, input[type=submit], [role=button]')]
            .find(it => (it.innerText || it.value || '').trim() === {})",
        Value::from(label)
    )
}
