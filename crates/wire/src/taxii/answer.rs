//! What a server answers (TAXII 2.1 sections 3.6.1, 3.7, 4 and 5). A list that would be empty is left out (section 2).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Discovery of a server (section 4.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// Name of the server.
    pub title: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whom to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The root to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Every root that the reader may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api_roots: Vec<String>,
}

/// An API root (section 4.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiRoot {
    /// Name.
    pub title: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Media types spoken.
    pub versions: Vec<String>,
    /// Largest body taken, bytes.
    pub max_content_length: u64,
}

/// A collection (section 5.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Identifier, a UUID.
    pub id: String,
    /// Name.
    pub title: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A second name for URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Whether the reader may read it.
    pub can_read: bool,
    /// Whether the reader may add to it.
    pub can_write: bool,
    /// Media types of what it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_types: Vec<String>,
}

/// The collections of a root (section 5.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collections {
    /// Each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<Collection>,
}

/// A page of objects (section 3.7), each as the text it came as.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Envelope {
    /// Whether there is more.
    #[serde(default)]
    pub more: bool,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Box<RawValue>>,
}

/// What is known of one version of an object (section 5.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRecord {
    /// Identifier.
    pub id: String,
    /// When it was added, with six digits of a second.
    pub date_added: String,
    /// Version as the object writes it.
    pub version: String,
    /// Media type of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// A page of a manifest (section 5.3.1). `next` is ours: without it a client that follows `more` could only guess.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Whether there is more.
    #[serde(default)]
    pub more: bool,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ManifestRecord>,
}

/// Versions of an object (section 5.8.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Whether there is more.
    #[serde(default)]
    pub more: bool,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Each version as the object writes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
}

/// What became of one object of a request (section 4.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusDetail {
    /// Identifier.
    pub id: String,
    /// Version as the object writes it.
    pub version: String,
    /// What was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What became of a request to add objects (section 4.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Identifier, a UUID.
    pub id: String,
    /// `complete` or `pending`.
    pub status: String,
    /// When the request came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_timestamp: Option<String>,
    /// Objects in the request.
    pub total_count: usize,
    /// Objects that are kept.
    pub success_count: usize,
    /// Those objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successes: Vec<StatusDetail>,
    /// Objects that were refused.
    pub failure_count: usize,
    /// Those objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<StatusDetail>,
    /// Objects not looked at yet.
    pub pending_count: usize,
    /// Those objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pendings: Vec<StatusDetail>,
}

/// An error message (section 3.6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub title: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The status of HTTP, as a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_empty_is_left_out_and_one_that_is_missing_is_empty() {
        assert_eq!(serde_json::to_string(&Collections::default()).unwrap(), "{}");
        assert_eq!(serde_json::to_string(&Envelope::default()).unwrap(), r#"{"more":false}"#);
        let envelope: Envelope = serde_json::from_str("{}").unwrap();
        assert!(envelope.objects.is_empty() && !envelope.more);
    }

    #[test]
    fn objects_of_a_page_keep_their_text() {
        let text = r#"{"more":true,"next":"n","objects":[{ "id" : "x", "n":1.50e0 }]}"#;
        let envelope: Envelope = serde_json::from_str(text).unwrap();
        assert_eq!(envelope.objects[0].get(), r#"{ "id" : "x", "n":1.50e0 }"#);
        assert_eq!(serde_json::to_string(&envelope).unwrap(), text);
    }

    #[test]
    fn the_status_of_http_is_a_text() {
        let failure = Failure { title: "No".into(), description: None, http_status: Some("404".into()) };
        assert_eq!(serde_json::to_string(&failure).unwrap(), r#"{"title":"No","http_status":"404"}"#);
    }
}
