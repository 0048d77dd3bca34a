//! Pictures as SVG text: pure functions of what they show. They do no input or output, and know nothing of HTTP.
//!
//! All text in them is escaped, so that templates may write them as they are. They have no style of their own: shapes have
//! classes, which `assets/console.css` gives colours for light and dark. Each is one image for a screen reader, with a
//! title and, where the title does not say it all, a description.

mod map;
mod sparkline;
mod stock_bar;
mod svg;
mod timeline_line;
mod tone;

pub use map::{Map, Mark, Place, Shape, map};
pub use sparkline::{Sparkline, sparkline};
pub use stock_bar::{StockBar, stock_bar};
pub use timeline_line::{Moment, TimelineLine, timeline_line};
pub use tone::Tone;
