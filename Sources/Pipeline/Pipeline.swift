internal import WeirTensors
