terraform {
  required_providers {
    ryzeapi = {
      source = "ryzeapi/ryzeapi"
    }
  }
}

# The token comes from the environment variable RYZEAPI_TOKEN.
provider "ryzeapi" {}
