//! Finding an element of a page, and pressing it as a person does: where it is visible, with the mouse.

use serde_json::Value;

/// A script whose value is the middle of an element once a person could press it there, else `null`.
pub fn place_of(element: &str) -> String {
    format!(
        r"(() => {{
            const element = {element};
            if (!element) return null;
            element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
            const box = element.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            const top = document.elementFromPoint(x, y);
            return top && (element.contains(top) || top.contains(element)) && box.width > 0 ? [x, y] : null;
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
