//! `ARCHIVE_URL`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// Where the archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveUrl {
    /// `file:///directory`.
    Directory(PathBuf),
    /// `s3://bucket/prefix`, in an object store with the interface of Amazon S3.
    Bucket {
        /// The bucket.
        bucket: String,
        /// What the names of all objects begin with; may be empty.
        prefix: String,
    },
}

/// A text that is not the URL of an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveUrlError {
    /// It has another scheme, or none.
    #[error("must begin with file:/// or s3://")]
    Scheme,
    /// A directory that depends on where the program was started.
    #[error("must name a directory from the root on, as file:///var/lib/energy-pipeline/archive")]
    Relative,
    /// No bucket.
    #[error("must name a bucket, as s3://bucket/prefix")]
    NoBucket,
    /// Credentials, a port or a query: they are those of AWS_* variables.
    #[error(
        "must have no more than bucket and prefix; AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION have the rest"
    )]
    TooMuch,
}

impl FromStr for ArchiveUrl {
    type Err = ArchiveUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("file:") {
            return directory(text);
        }
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "s3");
        let url = url.ok_or(ArchiveUrlError::Scheme)?;
        let bucket = url.host_str().filter(|host| !host.is_empty());
        let bucket = bucket.ok_or(ArchiveUrlError::NoBucket)?.to_owned();
        let is_bare = url.username().is_empty() && url.password().is_none() && url.port().is_none();
        if !is_bare || url.query().is_some() || url.fragment().is_some() {
            return Err(ArchiveUrlError::TooMuch);
        }
        Ok(Self::Bucket { bucket, prefix: url.path().trim_matches('/').to_owned() })
    }
}

fn directory(text: &str) -> Result<ArchiveUrl, ArchiveUrlError> {
    // `file:data` and `file://data` are a directory and a host to different programs.
    if !text.starts_with("file:///") {
        return Err(ArchiveUrlError::Relative);
    }
    let path = Url::parse(text).ok().and_then(|url| url.to_file_path().ok());
    path.map(ArchiveUrl::Directory).ok_or(ArchiveUrlError::Relative)
}

impl fmt::Display for ArchiveUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "file://{}", path.display()),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_or_a_bucket_is_an_archive() {
        for text in ["file:///var/archive", "s3://bucket", "s3://bucket/a/b"] {
            assert_eq!(text.parse::<ArchiveUrl>().unwrap().to_string(), text);
        }
        let slash: ArchiveUrl = "s3://bucket/a/".parse().unwrap();
        assert_eq!(slash.to_string(), "s3://bucket/a");
    }

    #[test]
    fn another_text_says_which_rule_it_breaks() {
        let error = |text: &str| text.parse::<ArchiveUrl>().unwrap_err();
        for text in ["", "/var/archive", "gs://bucket", "http://host/bucket"] {
            assert_eq!(error(text), ArchiveUrlError::Scheme, "{text}");
        }
        for text in ["file://archive", "file:archive", "file://./archive"] {
            assert_eq!(error(text), ArchiveUrlError::Relative, "{text}");
        }
        assert_eq!(error("s3:///prefix"), ArchiveUrlError::NoBucket);
        for text in ["s3://key:secret@bucket/", "s3://bucket:9000/", "s3://bucket/?region=x"] {
            assert_eq!(error(text), ArchiveUrlError::TooMuch, "{text}");
        }
    }
}
