//! Finding an element of a page, and pressing it as a person does: where it is visible, with the mouse.

use serde_json::Value;

/// Tells whether the element whose place was found last was pressed.
pub const IS_PRESSED: &str = "window.omsIsPressed === true";

/// A script whose value is the middle of an element once it stands still and a person could press it there, else `null`.
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

/// A script for the first element that a CSS selector selects.
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
