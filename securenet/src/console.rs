//! What a person at the terminal reads: progress, the banner, the log-ins, the three lines to begin with.
//!
//! The one place that prints. It never prints a password but the once that it is told to.

use std::io::Write;
use std::path::Path;

use crate::credentials::Credentials;

/// One line of progress.
pub(crate) fn say(text: &str) {
    print(&format!("securenet: {text}\n"));
}

/// Why nothing goes on. It goes where errors go, so that a document on standard output stays one.
pub(crate) fn complain(text: &str) {
    std::io::stderr().write_all(format!("securenet: {text}\n").as_bytes()).ok();
}

/// What is up, and where.
pub(crate) struct Running {
    pub(crate) apis: String,
    /// One address a process of ours.
    pub(crate) metrics: Vec<String>,
    /// None where everything is in one process.
    pub(crate) processes: Vec<ProcessLine>,
}

/// A row of the table of processes.
pub(crate) struct ProcessLine {
    pub(crate) role: String,
    pub(crate) pid: Option<u32>,
    pub(crate) address: String,
    pub(crate) metrics: String,
}

/// Everything there is to know at the start. A closed output is no reason to stop serving.
pub(crate) fn welcome(credentials: &Credentials, file: &Path, running: &Running, first_time: bool) {
    print(&banner(credentials, file, running, first_time));
}

/// What other programs read: a document, say.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

fn banner(credentials: &Credentials, file: &Path, running: &Running, first_time: bool) -> String {
    let url = &credentials.url;
    let shape =
        if running.processes.is_empty() { "single-node mode" } else { "the shape of production on one machine" };
    let metrics = running.metrics.join("\n                   ");
    let processes = processes(&running.processes);
    let log_ins = if first_time { log_ins(credentials) } else { String::new() };
    let lines = curl_lines(url, file).join("\n\n");
    format!(
        "
  SecureNet is running: {shape}, not for production

    APIs           {url}/v1
    API documents  {url}/docs/
    metrics        {metrics}
    log-ins, keys  {}
{processes}{log_ins}
  Try (log in; list findings; post one as the scanner):

{lines}

  Ctrl-C stops everything; the data stays.

",
        file.display()
    )
}

fn processes(lines: &[ProcessLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let row = |role: &str, pid: &str, address: &str, metrics: &str| {
        format!("    {role:<14} {pid:>8}  {address:<21}  {metrics}").trim_end().to_owned() + "\n"
    };
    let rows = lines.iter().map(|line| {
        let pid = line.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        row(&line.role, &pid, &line.address, &line.metrics)
    });
    format!("\n{}{}", row("process", "pid", "address", "metrics"), rows.collect::<String>())
}

fn log_ins(credentials: &Credentials) -> String {
    let people = credentials.passwords.iter().map(|(user, password)| format!("    {user:<14} {}\n", password.expose()));
    format!(
        "
  Log-ins of organization {}, shown this once:

{}    scanner key    {}
",
        credentials.organization,
        people.collect::<String>(),
        credentials.scanner_key.expose()
    )
}

/// Each works as it is in any POSIX shell, from any directory, and shows no secret to whoever looks on.
pub(crate) fn curl_lines(url: &str, file: &Path) -> [String; 3] {
    let file = quoted(&file.to_string_lossy());
    let json = "-H 'Content-Type: application/json'";
    let log_in = format!(
        r#"curl -sS {url}/v1/sessions {json} -d '{{"organization":"demo","user":"analyst","password":"'"$(. {file}; echo "$SECURENET_ANALYST_PASSWORD")"'"}}'"#
    );
    let token = format!(r#"$({log_in} | sed 's/.*"access_token":"//; s/".*//')"#);
    let list = format!(r#"curl -sS '{url}/v1/findings?limit=3' -H "Authorization: Bearer {token}""#);
    let raise = format!(
        r#"curl -sS {url}/v1/findings -H "Authorization: Bearer $(. {file}; echo "$SECURENET_SCANNER_KEY")" {json} -d '{{"type":"vulnerability","title":"Telnet is open","severity":"high"}}'"#
    );
    [log_in, list, raise]
}

fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_quotes_stays_one_word() {
        assert_eq!(quoted("/it's here/.dev"), r"'/it'\''s here/.dev'");
    }

    #[test]
    fn the_lines_hold_no_secret_and_are_one_line_each() {
        for line in curl_lines("http://127.0.0.1:8080", Path::new("/home/ana/.dev/credentials")) {
            assert!(line.starts_with("curl ") && !line.contains('\n'), "{line}");
        }
    }
}
