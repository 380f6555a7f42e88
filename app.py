"""The dashboard: `streamlit run app.py`, or `workbench dashboard`. It draws, never computes."""

from workbench.dashboard.main import main

main()
