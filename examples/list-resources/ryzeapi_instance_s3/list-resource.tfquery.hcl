# Every instance whose storage is enabled.
list "ryzeapi_instance_s3" "enabled" {
  provider = ryzeapi
}

# Every instance, with the attributes of its storage.
list "ryzeapi_instance_s3" "all" {
  provider         = ryzeapi
  include_resource = true
  limit            = 1000

  config {
    only_enabled = false
  }
}
