use object_store::Error;

use super::options::{S3, S3Error};
use super::refusal;

fn bucket() -> S3 {
    S3::parse("s3://mugs/chat").unwrap().credentials("shop", "hunter2-hunter2")
}

#[test]
fn addresses_of_buckets() {
    for (address, bucket, prefix) in
        [("s3://mugs", "mugs", ""), ("s3://mugs/", "mugs", ""), ("s3://my.mugs/a/b-c/", "my.mugs", "a/b-c")]
    {
        let parsed = S3::parse(address).unwrap();
        assert_eq!((parsed.bucket.as_str(), parsed.prefix.as_str()), (bucket, prefix), "{address}");
    }
    for wrong in ["", "mugs", "https://mugs", "s3://", "s3://ab", "s3://mugs//a", "s3://mugs/a b", "s3://mugs/../x"] {
        assert!(matches!(S3::parse(wrong), Err(S3Error::Address { .. })), "{wrong}");
    }
}

#[test]
fn endpoints_are_addresses_and_files_do_not_go_in_the_clear() {
    let opened = |endpoint: &str| bucket().endpoint(endpoint).open().map(drop);
    for good in
        ["https://s3.shop.example", "https://s3.shop.example:9000/store", "http://127.0.0.1:9", "http://[::1]:9"]
    {
        assert!(opened(good).is_ok(), "{good}");
    }
    for wrong in ["s3.shop.example", "ftp://s3.shop.example", "https://a:b@s3.shop.example", "https://s3.example/?x=1"]
    {
        assert!(matches!(opened(wrong), Err(S3Error::Endpoint { .. })), "{wrong}");
    }
    assert!(matches!(opened("http://s3.shop.example"), Err(S3Error::InTheClear { .. })));
    assert!(bucket().endpoint("http://s3.shop.example").allow_http(true).open().is_ok());
    assert!(bucket().open().is_ok(), "AWS needs none");
}

#[test]
fn both_keys_are_needed_and_certificates_must_be_some() {
    for (name, secret) in [("", ""), ("shop", ""), ("", "hunter2")] {
        assert!(matches!(bucket().credentials(name, secret).open().map(drop), Err(S3Error::NoCredentials)));
    }
    assert!(matches!(bucket().trust("no certificate").open().map(drop), Err(S3Error::Certificates(_))));
}

#[test]
fn the_secret_is_not_shown() {
    let store = super::AttachmentStore::s3(&bucket()).unwrap();
    for shown in [format!("{:?}", bucket()), format!("{store:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn what_is_set_wrongly_is_told_from_what_is_away() {
    let said = |text: &str| refusal::of(&Error::Generic { store: "S3", source: text.into() }, &bucket());
    for moved in [
        "Received redirect without LOCATION, this normally indicates an incorrectly configured region",
        "Server returned non-2xx status code: 307 Temporary Redirect: ",
        "400 Bad Request: <Error><Code>AuthorizationHeaderMalformed</Code></Error>",
    ] {
        assert!(matches!(said(moved), S3Error::Region { .. }), "{moved}");
    }
    assert!(matches!(said("<Code>SignatureDoesNotMatch</Code>"), S3Error::Credentials { .. }));
    assert!(matches!(said("<Code>RequestTimeTooSkewed</Code>"), S3Error::Clock));
    let away = said(&format!("{}\nno answer in time", "é".repeat(400))).to_string();
    assert!(
        away.starts_with("the object store cannot be reached: é") && away.ends_with("é no answer in time"),
        "{away}"
    );
    for full in
        ["<Code>XMinioStorageFull</Code>", "<Code>QuotaExceeded</Code>", "status code: 507 Insufficient Storage: "]
    {
        assert!(refusal::is_full(&Error::Generic { store: "S3", source: full.into() }), "{full}");
    }
}
