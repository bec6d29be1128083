//! TAXII 2.1 (OASIS Standard, 10 June 2021): what is asked, what is answered, in which form.

mod answer;
mod ask;
mod media;

pub use answer::{
    ApiRoot, Collection, Collections, Discovery, Envelope, Failure, Manifest, ManifestRecord, Status, StatusDetail, Versions,
};
pub use ask::{BadQuery, Filter, Query, VersionMatch};
pub use media::{MEDIA_TYPE, accepts, is_media_type};
