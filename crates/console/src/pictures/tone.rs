//! What a colour means.

/// What a colour means. The stylesheet has a class for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Done, healthy.
    Ok,
    /// oms works on it.
    Busy,
    /// Somebody is awaited.
    Wait,
    /// Failed, or needs an operator.
    Bad,
    /// Final, or switched off.
    Idle,
    /// Information.
    Note,
}

impl Tone {
    /// The name of its class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Busy => "busy",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Idle => "idle",
            Self::Note => "note",
        }
    }
}
