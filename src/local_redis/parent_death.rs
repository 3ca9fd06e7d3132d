//! Ends the server when this process is gone.
//!
//! A process that is killed can end nothing any more. The kernel can tell the server (`PR_SET_PDEATHSIG`),
//! but asking for that between fork and exec takes unsafe code, and only Linux has it. So a shell waits for
//! the end of a pipe, which comes when the last process that can write to it is gone: this one.

use std::io;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

/// POSIX has it there.
const SHELL: &str = "/bin/sh";

/// A line releases the server; the end of the pipe ends it. It writes its data then, as with Ctrl-C.
/// Signals that end everything here (the terminal's, systemd's) are not for the shell.
const SCRIPT: &str = r#"trap "" HUP INT QUIT TERM; read -r line || kill -s TERM "$0""#;

/// As long as this lives, the process with the id lives; it ends with this or with our process.
#[derive(Debug)]
pub struct Guard {
    pipe: ChildStdin,
    _shell: Child,
}

impl Guard {
    /// Watches over a child of this process, whose id is its own until it has been waited for.
    pub fn over(pid: u32) -> io::Result<Self> {
        let mut shell = Command::new(SHELL);
        shell.args(["-c", SCRIPT, &pid.to_string()]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = shell.spawn()?;
        let pipe = shell.stdin.take().ok_or_else(|| io::Error::other("there is no pipe"))?;
        Ok(Self { pipe, _shell: shell })
    }

    /// Lets go of a process that has ended: its id may be another's soon.
    pub async fn release(mut self) {
        // Err means that the shell has ended before.
        let _ = self.pipe.write_all(b"\n").await;
    }
}
