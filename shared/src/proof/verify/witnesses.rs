//! What witnesses say: the file `witnessed`, a checkpoint with their cosignatures. It is held against the
//! log like any checkpoint that was kept, so that a history that was written anew is found out even by
//! somebody who sees the log for the first time.

use super::{
    super::{
        checkpoint::Checkpoint,
        note::{MAX_NOTE_BYTES, Note},
        tile::LogReader,
    },
    Fault, Verification, VerifyError, Witnessed, Wrong,
};

/// Its name in the log's folder.
const WITNESSED: &str = "witnessed";

impl Verification {
    pub(super) fn trust_witnesses<R: LogReader>(
        &mut self,
        reader: &R,
        faults: &mut Vec<Fault>,
    ) -> Result<Option<Witnessed>, VerifyError> {
        if self.witnesses.is_empty() {
            return Ok(None);
        }
        let read = reader.read(WITNESSED, MAX_NOTE_BYTES);
        let read = read.map_err(|source| VerifyError::Read { path: WITNESSED.to_owned(), source })?;
        let (checkpoint, witnessed) = match self.open_witnessed(read) {
            Ok(opened) => opened,
            Err(reason) => {
                faults.push(Fault { index: None, wrong: Wrong::NotWitnessed { reason } });
                return Ok(None);
            }
        };
        let found = witnessed.by.len();
        if found < self.required {
            let wrong = Wrong::TooFewWitnesses { found, required: self.required };
            faults.push(Fault { index: None, wrong });
        }
        if found > 0 {
            self.kept.push(("the checkpoint that witnesses cosigned".to_owned(), checkpoint));
        }
        Ok(Some(witnessed))
    }

    fn open_witnessed(&self, bytes: Option<Vec<u8>>) -> Result<(Checkpoint, Witnessed), String> {
        let bytes = bytes.ok_or_else(|| format!("there is no file `{WITNESSED}`"))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("the file `{WITNESSED}` is not text"))?;
        let checkpoint = Checkpoint::open(&text, &self.key).map_err(|error| error.to_string())?;
        let note = Note::parse(&text).map_err(|error| error.to_string())?;
        let by = self.witnesses.iter();
        let by = by.filter_map(|key| Some((key.name().to_owned(), key.cosigned_at(&note)?))).collect();
        let size = checkpoint.size;
        Ok((checkpoint, Witnessed { size, by }))
    }
}
