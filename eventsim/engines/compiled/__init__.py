"""The compiled engine, stage by stage: its arrays, its queue, its event loop."""
