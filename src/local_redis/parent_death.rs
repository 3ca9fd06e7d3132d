//! Stops the server when this process has died.
//!
//! A killed process cannot stop its children. The kernel can signal the server (`PR_SET_PDEATHSIG`), but to
//! request that between fork and exec takes unsafe code, and only Linux has it. So a shell waits for the
//! end of a pipe, which comes when the last process with the write end has exited: this one.

use std::io;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

/// The path that POSIX systems use.
const SHELL: &str = "/bin/sh";

/// A line releases the server; the end of the pipe terminates it, so that it writes its data as after
/// Ctrl-C. The shell ignores signals for the whole group or unit (from the terminal, from systemd).
const SCRIPT: &str = r#"trap "" HUP INT QUIT TERM; read -r line || kill -s TERM "$0""#;

/// Terminates a child process when this value is dropped, or when this process has died.
#[derive(Debug)]
pub struct ParentDeathPipe {
    pipe: ChildStdin,
    _shell: Child,
}

impl ParentDeathPipe {
    /// Watches a child of this process, whose id is not reused until it has been waited for.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn watch(pid: u32) -> io::Result<Self> {
        let mut shell = Command::new(SHELL);
        shell.args(["-c", SCRIPT, &pid.to_string()]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = shell.spawn()?;
        let pipe = shell.stdin.take().ok_or_else(|| io::Error::other("there is no pipe"))?;
        Ok(Self { pipe, _shell: shell })
    }

    /// Releases a process that has exited: another process may get its id.
    pub async fn release(mut self) {
        // Err: the shell has exited already.
        let _ = self.pipe.write_all(b"\n").await;
    }
}
