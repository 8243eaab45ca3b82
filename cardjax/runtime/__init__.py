"""The machine around the compiled programs: devices, processes, signals, optional libraries."""
