"""What stands around every request: headers, hosts, static files, who a browser is, waiting for an answer."""
