"""The portal: the map in the browser, as a server of one process, or as files."""
