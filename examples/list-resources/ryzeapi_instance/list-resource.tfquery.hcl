list "ryzeapi_instance" "all" {
  provider = ryzeapi
}
