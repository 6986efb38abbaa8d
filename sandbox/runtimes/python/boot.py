"""Starts the runtime on the descriptors that the supervisor gave: 3 data, 4 control, 5 state page."""

import json
import sys

import bootstrap

bootstrap.serve(3, 4, 5, json.loads(sys._xoptions["anthill"]))
