# The saved Logs Insights queries of the runbook, under the names that the runbook uses. All containers write to one log group.
# The name of a stream begins with the name of its container.

locals {
  queries = {
    failures-by-answerer = <<-END
      fields status, answered_by, route, client
      | filter status >= 500 and ispresent(answered_by)
      | stats count(*) as failures, count_distinct(client) as clients, min(@timestamp) as first, max(@timestamp) as last by answered_by, status, route
      | sort failures desc
    END
    failure-causes       = <<-END
      fields answered_by, message, cause, place, level
      | filter (@logStream like /^api/ and (level = "ERROR" or level = "WARN")) or (answered_by = "sidecar" and cause != "")
      | stats count(*) as lines, max(@timestamp) as last by answered_by, message, cause, place
      | sort lines desc
    END
    latency-by-minute    = <<-END
      fields UpstreamTime, Latency
      | filter ispresent(UpstreamTime)
      | stats pct(UpstreamTime, 50) as api_p50, pct(UpstreamTime, 99) as api_p99, pct(Latency, 99) as total_p99, count(*) as requests by bin(1m)
    END
    slowest-requests     = <<-END
      fields @timestamp, Latency, UpstreamTime, status, client, request_bytes, request_id
      | filter ispresent(Latency)
      | sort Latency desc
      | limit 20
    END
    throttled-clients    = <<-END
      fields client, ClientThrottled
      | filter client != ""
      | stats sum(ClientThrottled) as refused, count(*) as requests, 100 * sum(ClientThrottled) / count(*) as percent by client
      | sort refused desc
    END
    callers-without-key  = <<-END
      fields address, user_agent, Unauthorized, AddressThrottled
      | filter Unauthorized = 1 or AddressThrottled = 1
      | stats count(*) as attempts, sum(AddressThrottled) as throttled, min(@timestamp) as first, max(@timestamp) as last by address, user_agent
      | sort attempts desc
    END
    one-request          = <<-END
      fields @timestamp, @logStream, status, answered_by, client, Latency, UpstreamTime, message, cause, trace_id, amzn_trace_id, traceparent
      | filter request_id = "PUT THE REQUEST ID HERE"
      | sort @timestamp asc
    END
    life-of-the-api      = <<-END
      fields @timestamp, @logStream, message, cause, version, revision, signal, cut, attempt
      | filter @logStream like /^api/ and ispresent(message) and message != "request failed"
      | sort @timestamp desc
      | limit 50
    END
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queries

  name            = "${local.id}/${each.key}"
  log_group_names = [aws_cloudwatch_log_group.service.name]
  query_string    = trimspace(each.value)
}
