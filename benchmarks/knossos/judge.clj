;; The peer of the register check: an exported history.edn, judged by Knossos, Jepsen's checker.
;;
;;   java -cp CLASSPATH clojure.main judge.clj HISTORY.edn
;;
;; Prints one line for each register: its name, what Knossos says (true, false or :unknown). Operations of a register
;; carry [key value], as jepsen.independent has them; faults are left out.
(require '[clojure.edn :as edn]
         '[clojure.java.io :as io]
         '[clojure.string :as str]
         '[knossos.competition :as competition]
         '[knossos.history :as history]
         '[knossos.model :as model])

(defn operations [path]
  (with-open [reader (io/reader path)]
    (->> (line-seq reader)
         (remove str/blank?)
         (mapv edn/read-string)
         (filterv #(integer? (:process %))))))

(doseq [[register mine] (sort-by key (group-by (comp first :value) (operations (first *command-line-args*))))]
  (let [alone (history/index (mapv #(update (select-keys % [:process :type :f :value]) :value second) mine))
        found (competition/analysis (model/cas-register) alone {:time-limit 60000})]
    (println register (:valid? found))))
(shutdown-agents)
