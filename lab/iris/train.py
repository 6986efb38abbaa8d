"""Train the Iris model and pickle it: python train.py iris_model.pkl. Prints what was trained as JSON."""

import json
import pickle
import platform
import sys

import numpy
import sklearn
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

x, y = load_iris(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=42, stratify=y)
model = SVC(kernel="rbf", gamma="scale").fit(x_train, y_train)
with open(sys.argv[1], "wb") as f:
    pickle.dump(model, f, protocol=4)
print(json.dumps({"accuracy": model.score(x_test, y_test), "train": len(x_train), "test": len(x_test), "scikit-learn": sklearn.__version__,
                  "numpy": numpy.__version__, "python": platform.python_version()}))
