//! The terminal: how wide it is, and asking for a secret without showing it.

use std::io::{IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::base::error::{Error, Kind, Result};

/// Bytes: room for any passphrase. Allocated at once, so that growing leaves no copies behind.
const SECRET_BYTES_MAX: usize = 1024;

/// Columns of the terminal that standard error is; 80 where it is none.
pub(super) fn columns() -> u16 {
    rustix::termios::tcgetwinsize(std::io::stderr()).map_or(80, |size| size.ws_col.max(20))
}

/// Asks for a secret. `None` where standard input is not a terminal.
pub(super) fn ask_secret(question: &str) -> Result<Option<Zeroizing<String>>> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(None);
    }
    let hidden = Hidden::start()?;
    let mut err = std::io::stderr();
    let _ = err.write_all(format!("{question}: ").as_bytes()).and_then(|()| err.flush());
    let typed = typed_line(&mut stdin.lock().bytes());
    drop(hidden);
    let _ = err.write_all(b"\n");
    typed.map(Some)
}

/// The terminal shows nothing and hands over every byte; dropped, it is as it was. Keys that stop a program arrive as bytes too, so that
/// none of them can end the process while the terminal is dark.
struct Hidden(Termios);

impl Hidden {
    fn start() -> Result<Self> {
        let failed = |e: rustix::io::Errno| Error::io("speak to the terminal", e.into());
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut dark = before.clone();
        dark.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &dark).map_err(failed)?;
        Ok(Hidden(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// One line with the keys that edit it: backspace, Ctrl-U; Ctrl-C and Ctrl-D give up.
fn typed_line(keys: &mut dyn Iterator<Item = std::io::Result<u8>>) -> Result<Zeroizing<String>> {
    let stopped = || Error::new(Kind::Interrupted, "stopped", "stopped at the question; nothing was changed");
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
    loop {
        match keys.next().ok_or_else(stopped)?.map_err(|e| Error::io("read from the terminal", e))? {
            b'\r' | b'\n' => break,
            0x03 | 0x04 => return Err(stopped()),
            0x15 => line.clear(),
            0x08 | 0x7f => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            _ if line.len() == SECRET_BYTES_MAX => return Err(Error::usage("secret.long", format!("a secret has at most {SECRET_BYTES_MAX} bytes"))),
            byte => line.push(byte),
        }
    }
    let text = std::str::from_utf8(&line).map_err(|_| Error::usage("secret.text", "what was typed is not UTF-8 text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Result<Zeroizing<String>> {
        typed_line(&mut keys.iter().map(|b| Ok(*b)))
    }

    #[test]
    fn keys_edit_the_line_and_can_give_up() {
        assert_eq!(*typed("abå\x7fc\n".as_bytes()).expect("line"), "abc");
        assert_eq!(*typed(b"wrong\x15right\r").expect("line"), "right");
        assert_eq!(*typed(b"\x7f\n").expect("line"), "");
        assert_eq!(typed(b"ab\x03").expect_err("ctrl-c").kind(), Kind::Interrupted);
        assert_eq!(typed(b"ab").expect_err("hung up").kind(), Kind::Interrupted);
        assert_eq!(typed(&[b'a'; 2000]).expect_err("long").code(), "secret.long");
    }
}
