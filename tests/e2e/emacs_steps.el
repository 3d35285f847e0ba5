;; What a person does in Emacs, and what Eglot then knows, as JSON in the file that $SEEN names.
;; Run by test_emacs.py, with the snippet of docs/editors.md loaded.
(require 'eglot)
(require 'flymake)
(require 'cl-lib)

(defvar patience 60 "Seconds.")

(defun wait-for (what condition)
  "Wait until CONDITION holds; end with an error that names WHAT when it never does."
  (let ((deadline (+ (float-time) patience)) found)
    (while (not (setq found (funcall condition)))
      (when (> (float-time) deadline) (error "%s never came" what))
      (accept-process-output nil 0.05))
    found))

(defun diagnostics ()
  (flymake-start)
  (flymake-diagnostics))

(setq eglot-sync-connect patience)
(find-file "broken.jsonl")
(run-hooks 'post-command-hook) ; as after any command of a person: this is when Eglot connects
(wait-for "a server" #'eglot-current-server)
(wait-for "the diagnostics" (lambda () (= (length (diagnostics)) 10)))
(let* ((role (cl-find-if (lambda (one) (string-match-p "SF106" (flymake-diagnostic-text one))) (diagnostics)))
       (lines (mapcar (lambda (one) (line-number-at-pos (flymake-diagnostic-beg one))) (diagnostics)))
       (hover (progn
                (goto-char (point-min))
                (jsonrpc-request (eglot-current-server) :textDocument/hover (eglot--TextDocumentPositionParams))))
       (actions (eglot-code-actions (flymake-diagnostic-beg role) (flymake-diagnostic-end role) "quickfix"))
       (fix (cl-find-if (lambda (one) (string-match-p "assistant" (plist-get one :title))) actions)))
  (eglot--apply-workspace-edit (plist-get fix :edit))
  (save-buffer)
  (with-temp-file (getenv "SEEN")
    (insert (json-encode `((lines . ,(vconcat lines)) (hover . ,(plist-get (plist-get hover :contents) :value)))))))
