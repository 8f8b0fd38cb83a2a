//! The frames between host and child: one byte of kind, four bytes of length, then the payload.
//!
//! Control data is JSON that serde reads; items are JSON text that only the JavaScript engine (or the host's item
//! reader) parses, behind it in the same frame.

use model::{Object, Text};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::request::{Clock, Contract, ErrorKind, Limits, LogLine, NodeQuery, StaticData};

/// Host to child: limits of the process, before anything else.
pub(crate) const HELLO: u8 = b'H';
/// Child to host: the walls are up.
pub(crate) const READY: u8 = b'R';
/// Host to child: run this.
pub(crate) const STEP: u8 = b'S';
/// Child to host: a question.
pub(crate) const ASK: u8 = b'Q';
/// Host to child: the answer to a question.
pub(crate) const ANSWER: u8 = b'A';
/// Child to host: the step is over.
pub(crate) const DONE: u8 = b'D';

const HEAD: usize = 5;

/// The header of a [`STEP`]; the items follow as text.
#[derive(Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) source: Text,
    pub(crate) contract: Contract,
    pub(crate) count: usize,
    pub(crate) continue_on_fail: bool,
    pub(crate) clock: Clock,
    pub(crate) zone: Text,
    pub(crate) seed: u64,
    pub(crate) limits: Limits,
    pub(crate) modules: Vec<Text>,
    pub(crate) variables: Object,
}

/// The header of an [`ASK`].
#[derive(Serialize, Deserialize)]
pub(crate) struct Ask {
    pub(crate) id: u32,
    pub(crate) question: Asked,
}

/// A question as code words it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Asked {
    Node { name: Text, query: NodeQuery },
    StaticData(StaticData),
    HttpRequest(model::Value),
    ReadBinary { id: Text },
}

/// The header of an [`ANSWER`]; JSON text follows: the value, or `{message, details}`.
#[derive(Serialize, Deserialize)]
pub(crate) struct AnswerHead {
    pub(crate) id: u32,
    pub(crate) ok: bool,
}

/// The header of a [`DONE`]; what the code returned follows as JSON text.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) failure: Option<Failure>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) static_data: Vec<(StaticData, Object)>,
    pub(crate) custom_data: Object,
}

/// Why the code failed, before the host words it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) line: Option<u32>,
    #[serde(default)]
    pub(crate) item: Option<usize>,
}

/// What [`READY`] says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) missing_walls: Vec<String>,
}

/// A frame of kind `kind`: a header and the text behind it.
pub(crate) fn frame(kind: u8, header: &impl Serialize, text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + text.len());
    bytes.extend([kind, 0, 0, 0, 0, 0, 0, 0, 0]);
    serde_json::to_writer(&mut bytes, header).expect("control data always serialises");
    let header_length = (bytes.len() - HEAD - 4) as u32;
    bytes.extend_from_slice(text);
    let length = (bytes.len() - HEAD) as u32;
    bytes[1..HEAD].copy_from_slice(&length.to_le_bytes());
    bytes[HEAD..HEAD + 4].copy_from_slice(&header_length.to_le_bytes());
    bytes
}

/// One received frame.
pub(crate) struct Frame {
    pub(crate) kind: u8,
    header_length: usize,
    payload: Vec<u8>,
}

impl Frame {
    /// The header.
    pub(crate) fn header<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.payload[..self.header_length]).map_err(|error| error.to_string())
    }

    /// What follows the header.
    pub(crate) fn text(&self) -> &[u8] {
        &self.payload[self.header_length..]
    }

    /// What follows the header, without copying it.
    pub(crate) fn into_text(mut self) -> Vec<u8> {
        self.payload.drain(..self.header_length);
        self.payload
    }
}

/// Collects received bytes until a frame is complete.
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    longest: usize,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { bytes: Vec::new(), longest: 1 << 30 }
    }
}

impl Inbox {
    /// A frame longer than `longest` is from now on a protocol error.
    pub(crate) fn limit(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// Where received bytes are appended.
    pub(crate) fn space(&mut self) -> &mut Vec<u8> {
        // A long frame is read in one piece instead of growing step by step.
        let missing = self.length().map_or(0, |length| (HEAD + length).saturating_sub(self.bytes.len()));
        self.bytes.reserve(missing.clamp(16 << 10, 8 << 20));
        &mut self.bytes
    }

    /// Whether nothing is left over.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes the next complete frame.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, String> {
        let Some(length) = self.length() else { return Ok(None) };
        if length > self.longest {
            return Err(format!("a frame of {length} bytes is too long"));
        }
        if self.bytes.len() < HEAD + length {
            return Ok(None);
        }
        let rest = self.bytes.split_off(HEAD + length);
        let mut payload = std::mem::replace(&mut self.bytes, rest);
        let kind = payload[0];
        let Some(header_length) = payload.get(HEAD..HEAD + 4) else {
            return Err("a frame without header".into());
        };
        let header_length = u32::from_le_bytes(header_length.try_into().expect("four bytes")) as usize;
        payload.drain(..HEAD + 4);
        if header_length > payload.len() {
            return Err("a frame shorter than its header".into());
        }
        Ok(Some(Frame { kind, header_length, payload }))
    }

    fn length(&self) -> Option<usize> {
        let length = self.bytes.get(1..HEAD)?;
        Some(u32::from_le_bytes(length.try_into().expect("four bytes")) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_any_split() {
        let bytes =
            [frame(ANSWER, &AnswerHead { id: 7, ok: true }, b"[1]"), frame(READY, &Ready::default(), b"")]
                .concat();
        for split in 0..bytes.len() {
            let mut inbox = Inbox::default();
            let mut kinds = Vec::new();
            for part in [&bytes[..split], &bytes[split..]] {
                inbox.space().extend_from_slice(part);
                while let Some(frame) = inbox.next().expect("well formed") {
                    kinds.push((frame.kind, frame.text().to_vec()));
                }
            }
            assert_eq!(kinds, [(ANSWER, b"[1]".to_vec()), (READY, Vec::new())]);
            assert!(inbox.is_empty());
        }
    }

    #[test]
    fn a_frame_that_lies_about_its_length_is_refused() {
        let mut inbox = Inbox::default();
        inbox.space().extend([b'D', 255, 255, 255, 255]);
        assert!(inbox.next().is_err());
        let mut inbox = Inbox::default();
        inbox.space().extend([b'D', 4, 0, 0, 0, 9, 0, 0, 0]);
        assert!(inbox.next().is_err());
    }
}
