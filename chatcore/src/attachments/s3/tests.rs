use super::options::{S3, S3Error};

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
