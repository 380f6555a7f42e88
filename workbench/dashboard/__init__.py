"""The Streamlit dashboard: draws what the run store holds, computes nothing."""
