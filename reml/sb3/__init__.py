"""RecurrentPPO and PPO of sb3-contrib and stable-baselines3 in the composer's place."""
