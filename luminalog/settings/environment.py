"""Where all settings come from: the environment, and a `.env` beside the code."""

from pathlib import Path

import environ

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent.parent
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")
